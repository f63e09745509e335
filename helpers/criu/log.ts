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

/** The stages of CRIU's work, after its start: the message with which each begins, and the last message. */
interface Course {
  readonly stages: ReadonlyArray<readonly [name: string, begins: RegExp]>
  readonly last: RegExp
}

export const DUMP: Course = {
  stages: [
    ['freeze', /^Dumping processes \(pid/],
    ['mounts, namespaces', /^Seized task /],
    ['files, areas', /^Dumping task \(pid/],
    ['parasite', /^Set up parasite blob/],
    ['memory', /^Dumping pages /],
    ['registers, areas', /^Dumping core /],
    ['resume', /^Unfreezing tasks/],
  ],
  last: /^Dumping finished successfully$/,
}

export const RESTORE: Course = {
  stages: [
    ['read images', /^Reading image tree/],
    ['fork', /^Forking task with/],
    ['open files', /Restoring resources$/],
    ['memory', /^pie: /],
    ['resume', /^net: Unlock network/],
  ],
  last: /^Restore finished successfully/,
}

/**
 * How long CRIU was in each stage, ms, in the order in which they began. With several processes, a stage comes several
 * times. All stages together are the time stamp of the last message.
 */
export function stagesIn(log: string, { stages, last }: Course): Record<string, number> {
  const microseconds = new Map<string, number>()
  let [current, since] = ['start', 0]
  for (const [, seconds = '', micro = '', message = ''] of log.matchAll(/^\((\d+)\.(\d{6})\) +(.*)$/gm)) {
    const next = stages.find(([, begins]) => begins.test(message))?.[0]
    const isLast = last.test(message)
    if (next === undefined && !isLast) continue
    const now = Number(seconds + micro)
    // Processes that write to one log at once do not wait for each other.
    microseconds.set(current, (microseconds.get(current) ?? 0) + Math.max(0, now - since))
    if (isLast) break
    ;[current, since] = [next ?? current, now]
  }
  return Object.fromEntries([...microseconds].map(([name, duration]) => [name, duration / 1000]))
}

export const readLog = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '')
