import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { CriuBenchError } from '../errors.ts'

const nanoseconds = z.string().regex(/^\d+$/).transform(BigInt)

/** The lines that a handler appends to its report, a JSON object each. Times are nanoseconds on CLOCK_REALTIME. */
const Ready = z.object({
  event: z.literal('ready'),
  checksum: z.string(),
  /** Of the run before the dump, which a start from scratch (`plain`) is measured by. */
  handlerStarted: nanoseconds.optional(),
  handlerEnded: nanoseconds.optional(),
})
const Done = z.object({
  event: z.literal('done'),
  handlerStarted: nanoseconds,
  handlerEnded: nanoseconds,
  checksum: z.string(),
})
const Line = z.discriminatedUnion('event', [Ready, Done])

export type ReadyReport = z.infer<typeof Ready>
export type DoneReport = z.infer<typeof Done>

/** The complete lines of a report; none if it is empty or missing. Throws CriuBenchError on a line of another kind. */
export async function readReport(file: string): Promise<Array<ReadyReport | DoneReport>> {
  const content = await readFile(file, 'utf8').catch(() => '')
  // A line without its newline is still being written.
  return content
    .split('\n')
    .slice(0, -1)
    .map((line) => parse(file, line))
}

function parse(file: string, line: string): ReadyReport | DoneReport {
  try {
    return Line.parse(JSON.parse(line))
  } catch (cause) {
    throw new CriuBenchError(
      {
        failed: `cannot read the handler's report ${file}`,
        found: line,
        expected: 'a JSON line of event "ready" or "done", with its checksum and its time points',
        fix: 'let the handler append one such line when it is ready and one when it is done',
      },
      { cause },
    )
  }
}

export const readyIn = (lines: ReadonlyArray<ReadyReport | DoneReport>): ReadyReport | undefined =>
  lines.find((line): line is ReadyReport => line.event === 'ready')

export const doneIn = (lines: ReadonlyArray<ReadyReport | DoneReport>): DoneReport | undefined =>
  lines.findLast((line): line is DoneReport => line.event === 'done')
