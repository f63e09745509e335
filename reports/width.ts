import type { SuiteResults } from './results.ts'
import { bySize } from './rows.ts'

/** A table with a column for each suite, in as many parts as it takes for its lines to fit. */
export function inWidth(
  width: number,
  suites: readonly SuiteResults[],
  render: (suites: readonly SuiteResults[]) => string | undefined,
): string | undefined {
  const columns = bySize(suites)
  for (let size = columns.length; size > 1; size--) {
    const parts = inParts(columns, size).map(render)
    if (parts.every((part) => (part ?? '').split('\n').every((line) => line.length <= width)))
      return joined(parts)
  }
  return joined(inParts(columns, 1).map(render))
}

/** In parts of at most `size`, as equal as they can be. */
function inParts<T>(all: readonly T[], size: number): T[][] {
  const count = Math.ceil(all.length / size)
  return Array.from({ length: count }, (_, part) =>
    all.slice(Math.ceil((part * all.length) / count), Math.ceil(((part + 1) * all.length) / count)),
  )
}

const joined = (parts: ReadonlyArray<string | undefined>): string | undefined =>
  parts.filter(Boolean).join('\n\n') || undefined
