import { readFile } from 'node:fs/promises'

/** The first errors of CRIU name the cause. Later ones only follow from it. */
const MAX_ERRORS = 3

/** Without CAP_SYS_RESOURCE, CRIU reports that it cannot raise its limits, and continues. */
const HARMLESS = /rlimit: Can't setup RLIMIT_NOFILE for self/

/** The first error lines of a CRIU log. The cause comes first, "Restoring FAILED." last. */
export function firstErrors(log: string): string {
  const errors = log.split('\n').filter((line) => /\bError \(/.test(line) && !HARMLESS.test(line))
  return errors.slice(0, MAX_ERRORS).join('\n')
}

/** A log without messages that can be ignored, for failures without an error line. */
export const withoutHarmless = (log: string): string =>
  log
    .split('\n')
    .filter((line) => !HARMLESS.test(line))
    .join('\n')
    .trim()

/** Patterns of CRIU's error lines and the fix for each. The first match counts. */
export type Fixes = ReadonlyArray<readonly [RegExp, string]>

export const fixFor = (errors: string, fixes: Fixes): string =>
  fixes.find(([pattern]) => pattern.test(errors))?.[1] ?? "search CRIU's issues for the first error line"

/** CRIU's own total of a dump, ms: the time stamp of its last message. Undefined if the dump did not finish. */
export function dumpTotal(log: string): number | undefined {
  const seconds = /^\((\d+\.\d+)\) Dumping finished successfully$/m.exec(log)?.[1]
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

export const readLog = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')
