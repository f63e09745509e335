import { CriuBenchError } from './errors.ts'

/** What the user asked for by name, out of all there are; throws CriuBenchError that lists them. */
export function findByName<T extends { readonly name: string }>(
  items: readonly T[],
  name: string,
  { kind, fix }: { kind: string; fix: string },
): T {
  const found = items.find((item) => item.name === name)
  if (found) return found
  throw new CriuBenchError({
    failed: `cannot use the ${kind} "${name}"`,
    found: `"${name}"`,
    expected: `one of ${items.map((item) => item.name).join(', ')}`,
    fix,
  })
}
