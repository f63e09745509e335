import type { Vitest } from 'vitest/node'

/** Put before a number, so that it does not match the end of a longer number. */
const START = String.raw`(?<!\d)`
/** For a space: vitest joins the titles of a suite and its test by " > ". */
const SPACE = '(?: > | )'

/**
 * `-t` is an unanchored regular expression, so "4MB" would also select 64MB and 1024MB. This anchors each number with a
 * unit at its first digit, unless a class such as [16] or \d comes before it, and reads the unit in any case. A space
 * also matches what vitest puts between a suite and its test. Everything else is left unchanged.
 */
export function matchTitles(pattern: RegExp): RegExp {
  const source = originalSource(pattern)
    .replaceAll(
      /(?<!\\d|[\d\\[\]{])(\d+)([KMG]?B)\b/gi,
      (_, size: string, unit: string) => START + size + inAnyCase(unit),
    )
    .replaceAll(/(\\.|\[(?:\\.|[^\]])*\])|(?<!>) (?!>)/g, (_, kept?: string) => kept ?? SPACE)
  return new RegExp(source, pattern.flags)
}

/** The unit as the user wrote it, or as titles have it. */
const inAnyCase = (unit: string): string =>
  unit === unit.toUpperCase() ? unit : `(?:${unit}|${unit.toUpperCase()})`

/** The pattern as the user wrote it, for messages. */
export const originalSource = (pattern: RegExp): string =>
  pattern.source
    .replaceAll(START, '')
    .replaceAll(SPACE, ' ')
    .replaceAll(/\(\?:([kmg]?b)\|[KMG]?B\)/gi, '$1')

const watched = new WeakSet<Vitest>()

/**
 * Makes the watch key `t` select as `-t` does. vitest looks for files with a test or suite whose own title matches, so a
 * pattern of several titles would find none.
 */
export function selectInWatchMode(vitest: Vitest): void {
  if (watched.has(vitest)) return
  watched.add(vitest)
  vitest.onTestsRerun((specifications) => {
    const typed = vitest.getGlobalTestNamePattern()
    if (!typed || !vitest.projects.every(({ config }) => config.benchmark.enabled)) return
    const pattern = matchTitles(typed)
    vitest.setGlobalTestNamePattern(pattern)
    if (specifications.length > 0) return
    const selected = vitest.state
      .getTestModules()
      .filter((module) => [...module.children.allTests()].some(({ fullName }) => pattern.test(fullName)))
    // vitest runs what is in this list.
    specifications.push(...selected.map((module) => module.toTestSpecification()))
  })
}
