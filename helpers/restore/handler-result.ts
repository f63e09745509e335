import type { TimePoints } from '../../reports/timeline.ts'
import type { Handler } from '../handlers/definition.ts'
import { handlerFiles, reportsItself } from '../handlers/handler.ts'
import { checksumOf } from '../handlers/answer.ts'
import { observedDone } from '../handlers/observe.ts'
import { doneIn, readReport, readyIn } from '../handlers/report.ts'

/** What the handler did in a sample, as it reported itself or as the observer saw it. */
export interface HandlerResult extends Pick<TimePoints, 'handlerStarted' | 'handlerEnded'> {
  readonly checksum: string
}

/**
 * The result that the handler left in `folder`; undefined if it is not done. For a start from scratch, the handler's first
 * run counts, which it does before it is ready. `expected` is the checksum from before the dump.
 */
export async function handlerResultOf(
  handler: Handler,
  folder: string,
  fromScratch: boolean,
  expected: string,
): Promise<HandlerResult | undefined> {
  if (!reportsItself(handler)) {
    const handlerEnded = await observedDone(folder)
    return handlerEnded === undefined
      ? undefined
      : {
          handlerEnded,
          checksum: await checksumOf(handler, {
            folder,
            ...(fromScratch ? { expected } : { isRestored: true }),
          }),
        }
  }
  const lines = await readReport(handlerFiles(folder).report)
  const done = doneIn(lines)
  if (!done) return undefined
  const { checksum } = done
  const { handlerStarted, handlerEnded } = readyIn(lines) ?? {}
  if (fromScratch && handlerStarted !== undefined && handlerEnded !== undefined)
    return { handlerStarted, handlerEnded, checksum }
  return { handlerStarted: done.handlerStarted, handlerEnded: done.handlerEnded, checksum }
}
