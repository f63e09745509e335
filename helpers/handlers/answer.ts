import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { CriuBenchError } from '../errors.ts'
import { isReceived, isRequest, isSent, type Handler } from './definition.ts'
import { handlerFiles } from './handler.ts'
import { fixForMissing } from './missing-file.ts'
import { answerIn, secondAnswerIn } from './observe.ts'

/** Stands for the checksum of a handler whose answers may differ: `checksum: false`. */
export const UNCHECKED = 'not checked'

/** A run that has ended, and whose answer is compared. */
export interface EndedRun {
  /** The handler's folder, as this process sees it. */
  readonly folder: string
  /** Set for a start from scratch, whose log has other lines first: the checksum of the run before the dump. */
  readonly expected?: string
  /** Whether it is a run after a restore. */
  readonly isRestored?: true
  /** Whether the answer is that to the second call. */
  readonly isSecond?: true
}

/**
 * What must be the same before the dump and after each restore: the result of `checksum`, the answer to a request, or what
 * the handler printed between its trigger and its end. Call it after a run. Throws CriuBenchError when the answer is an
 * HTTP error.
 */
export async function checksumOf(handler: Handler, run: EndedRun): Promise<string> {
  const { checksum, trigger } = handler
  const { folder } = run
  const isAnswered = isRequest(trigger) || isSent(trigger)
  const body = isAnswered ? await bodyOf(handler, run) : Buffer.of()
  if (checksum === false) return UNCHECKED
  if (checksum) return checksum({ folder, body: body.toString() })
  return isAnswered ? hashOf(body) : printedIn(handler, run)
}

const BEFORE_IT_ANSWERED =
  'read its output below: it answered the same request before its dump; a file that it opens now for the first time belongs in `files` of defineHandler({ … })'

const hashOf = (content: Buffer | string): string =>
  createHash('sha256').update(content).digest('hex').slice(0, 16)

/** The lines that a run printed, up to its line of `done`: "HASH of N lines". */
async function printedIn({ done }: Handler, { folder, expected }: EndedRun): Promise<string> {
  const log = await readFile(handlerFiles(folder).log, 'utf8')
  // The part after the last newline is incomplete.
  let lines = log.split('\n').slice(0, -1)
  if (typeof done === 'object' && 'line' in done) {
    const end = lines.findIndex((line) => line.includes(done.line))
    if (end >= 0) lines = lines.slice(0, end + 1)
  }
  const count = expected === undefined ? lines.length : Number(/ of (\d+) lines$/.exec(expected)?.[1] ?? 0)
  const last = count === 0 ? [] : lines.slice(-count)
  return `${hashOf(last.join('\n'))} of ${last.length} lines`
}

/** The answer without its head. Throws CriuBenchError when it is an HTTP error. */
export async function bodyOf(
  { name, cwd, trigger, done }: Handler,
  { folder, isRestored, isSecond }: EndedRun,
): Promise<Buffer> {
  const answer = await readFile(isSecond ? secondAnswerIn(folder) : answerIn(folder)).catch(() => Buffer.of())
  // More may have come by chance.
  if (isReceived(done)) return answer.subarray(0, answer.indexOf(done.received) + Buffer.byteLength(done.received)) // prettier-ignore
  const end = answer.indexOf('\r\n\r\n')
  // Another sign of being done may come before the answer.
  if (!isRequest(trigger) || done !== 'response') return end < 0 ? Buffer.of() : answer.subarray(end + 4)
  const [status = ''] = answer.toString('latin1').split('\r\n', 1)
  if (end >= 0 && /^HTTP\/\S+ [23]\d\d/.test(status)) return answer.subarray(end + 4)
  const log = await readFile(handlerFiles(folder).log, 'utf8').catch(() => '')
  const when = isRestored ? ' after its restore' : isSecond ? ' to a second call' : ''
  throw new CriuBenchError({
    failed: `cannot use the answer of the ${name} handler${when}`,
    found: status || 'no answer',
    expected: `an HTTP answer with a status below 400 to ${trigger.request}`,
    fix: isRestored
      ? (fixForMissing(`${log}\n${answer.toString()}`, { cwd }) ?? BEFORE_IT_ANSWERED)
      : 'correct the request in its trigger, or the handler',
    log,
  })
}
