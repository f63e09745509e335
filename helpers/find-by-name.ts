import { CriuBenchError } from './errors.ts'

/** The item with the given name. Throws CriuBenchError that lists all names if there is none. */
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
