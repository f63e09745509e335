/** One sample of a start, or of a restore, timed by a program that does nothing else meanwhile. */
import { z } from 'zod'
import { CriuBenchError } from '../../helpers/index.ts'
import { fixture } from '../../helpers/installation/paths.ts'
import { compile } from '../../helpers/programs/compile.ts'
import { runIn, type Site } from '../site.ts'
import { layOut, untilDone, type RestoredProcess } from './process.ts'

/** Takes one sample, ms. */
export type Measure = () => Promise<number>

/** Nanoseconds on CLOCK_REALTIME. */
const Times = z.object({ started: z.coerce.bigint(), ended: z.coerce.bigint() })
type Times = z.infer<typeof Times>

/** The program that starts a command and prints when it started and ended. */
export const stopwatch = (): Promise<string> => compile(fixture('load/stopwatch.c'))

export const timesIn = (output: string): Times => Times.parse(JSON.parse(output))

/** Runs a command and returns when it started and ended. Throws CriuBenchError if it fails. */
const timed = async (site: Site, argv: readonly string[]): Promise<Times> =>
  timesIn((await runIn(site, [await stopwatch(), ...argv])).stdout)

/** A sample of a start: from the start of the command to its end. */
export const startOf =
  (site: Site, argv: readonly string[]): Measure =>
  async () => {
    const { started, ended } = await timed(site, argv)
    return Number(ended - started) / 1e6
  }

/**
 * A sample of a restore: from the start of the command to the process' answer, which must be that of before the dump.
 * `untilGone` waits until the next restore is possible.
 */
export const restoreOf =
  (
    site: Site,
    { checksum }: RestoredProcess,
    argv: readonly string[],
    untilGone?: () => Promise<unknown>,
  ): Measure =>
  async () => {
    await layOut(site, '1')
    const { started } = await timed(site, argv)
    const answer = await untilDone(site)
    await untilGone?.()
    if (answer.checksum !== checksum) throw wrong(argv, answer.checksum, checksum)
    return Number(answer.handlerEnded - started) / 1e6
  }

const wrong = (argv: readonly string[], found: string, expected: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot trust a restore by ${argv[0]}`,
    found: `the checksum ${found} of the restored memory`,
    expected: `the checksum ${expected} of before the dump`,
    fix: 'look at its version of CRIU',
  })
