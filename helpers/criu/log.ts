import { readFile } from 'node:fs/promises'

/** Enough to see the cause; what follows the first errors of CRIU is the unwinding. */
const MAX_ERRORS = 3

/** What CRIU says where it may not raise its own limits (no CAP_SYS_RESOURCE), and goes on without harm. */
const HARMLESS = /rlimit: Can't setup RLIMIT_NOFILE for self/

/** The first error lines of a CRIU log: the cause comes first, "Restoring FAILED." last. */
export function firstErrors(log: string): string {
  const errors = log.split('\n').filter((line) => /\bError \(/.test(line) && !HARMLESS.test(line))
  return errors.slice(0, MAX_ERRORS).join('\n')
}

/** What else was said, where there is no error line: without what does no harm. */
export const withoutHarmless = (log: string): string =>
  log
    .split('\n')
    .filter((line) => !HARMLESS.test(line))
    .join('\n')
    .trim()

/** What an error line of CRIU means for the user, the first that matches: pattern, fix. */
export type Fixes = ReadonlyArray<readonly [RegExp, string]>

export const fixFor = (errors: string, fixes: Fixes): string =>
  fixes.find(([pattern]) => pattern.test(errors))?.[1] ?? 'search the first error line in the issues of CRIU'

/** CRIU's own total in milliseconds: the time stamp, in seconds since it began, of its last message on a dump. */
export function dumpTotal(log: string): number | undefined {
  const seconds = /^\((\d+\.\d+)\) Dumping finished successfully$/m.exec(log)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

export const readLog = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')
