import type { TimePoints } from '../../reports/timeline.ts'
import type { Handler } from '../handlers/definition.ts'
import { handlerFiles, reportsItself, runsTwice } from '../handlers/handler.ts'
import { bodyOf, checksumOf } from '../handlers/answer.ts'
import { observedPoints } from '../handlers/observe.ts'
import { doneIn, readReport, readyIn } from '../handlers/report.ts'

/** What the handler did in a sample, as it reported itself or as the observer saw it. */
export interface HandlerResult extends Pick<
  TimePoints,
  'handlerStarted' | 'handlerEnded' | 'calledAgain' | 'answeredAgain'
> {
  readonly checksum: string
}

/**
 * The result that the handler left in `folder`; undefined if it is not done. For a start from scratch, the handler's first
 * run counts, which it does before it is ready; the second is the warm call. `expected` is the checksum from before the
 * dump. Throws CriuBenchError when an answer is an HTTP error.
 */
export async function handlerResultOf(
  handler: Handler,
  folder: string,
  fromScratch: boolean,
  expected: string,
): Promise<HandlerResult | undefined> {
  if (!reportsItself(handler)) {
    const points = await observedPoints(folder)
    if (points === undefined) return undefined
    if (points.calledAgain !== undefined) await bodyOf(handler, { folder, isSecond: true })
    const run = { folder, ...(fromScratch ? { expected } : { isRestored: true as const }) }
    return { ...points, checksum: await checksumOf(handler, run) }
  }
  const lines = await readReport(handlerFiles(folder).report)
  const done = doneIn(lines)
  if (!done) return undefined
  const { checksum } = done
  const { handlerStarted, handlerEnded } = readyIn(lines) ?? {}
  if (!fromScratch) return { handlerStarted: done.handlerStarted, handlerEnded: done.handlerEnded, checksum }
  return {
    handlerStarted: handlerStarted ?? done.handlerStarted,
    handlerEnded: handlerEnded ?? done.handlerEnded,
    ...(runsTwice(handler) && { calledAgain: done.handlerStarted, answeredAgain: done.handlerEnded }),
    checksum,
  }
}
