import { setTimeout as delay } from 'node:timers/promises'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { localHost } from '../host/host.ts'
import { start } from '../process/daemon.ts'

/** Programs that disturb a measurement: one that forks, one that sweeps the caches, one that takes half a processor. */
const PROGRAMS = [
  'while :; do /bin/true; done',
  'while :; do head -c 67108864 /dev/zero | tail -c 67108864 > /dev/null; done',
  'while :; do i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; sleep 0.02; done',
]

/** How long a disturbance lasts, and the longest pause between two, ms. */
const LASTS = 2000
const LONGEST_PAUSE = 8000

/** Disturbs the machine until it is disposed of. */
export type Disturbance = AsyncDisposable

/** Runs one of the programs for 2 s at a time, at random moments. The same seed gives the same moments. */
export function disturb(seed: number): Disturbance {
  const random = xoroshiro128plus(seed)
  const over = new AbortController()
  const { signal } = over
  const loop = async () => {
    while (await pause(uniformInt(random, 0, LONGEST_PAUSE), signal)) {
      const program = PROGRAMS[uniformInt(random, 0, PROGRAMS.length - 1)] ?? ''
      await using _program = start(localHost, { argv: ['sh', '-c', program], failed: 'cannot disturb the machine', fix: 'none' }) // prettier-ignore
      await pause(LASTS, signal)
    }
  }
  const running = loop()
  return {
    [Symbol.asyncDispose]: async () => {
      over.abort()
      await running
    },
  }
}

/** Whether the pause was over before the signal. */
const pause = (milliseconds: number, signal: AbortSignal): Promise<boolean> =>
  delay(milliseconds, true, { signal }).catch(() => false)
