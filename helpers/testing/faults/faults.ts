import { setTimeout as delay } from 'node:timers/promises'
import { readStat } from '../../proc/stat.ts'
import { openSandbox } from '../../sandbox/sandbox.ts'
import { cli } from '../commands.ts'
import type { Family } from './family.ts'
import { fullDisk, limitFiles, memoryLimit, secondRun, withFullCache, withFullReports } from './machine.ts'
import { CLOCK_STEP, HOOKS } from './projects.ts'
import { MOMENTS, type Moment, type Target } from './moments.ts'
import type { Setting } from './setting.ts'

/** What can happen to a run. */
export interface Fault {
  readonly name: string
  /** The names of the moments at which it can happen. */
  readonly moments: readonly string[]
  /** Undone by the stack, after the run. */
  readonly setting?: (undo: AsyncDisposableStack) => Setting | Promise<Setting>
  /** Happens at the moment. A fault without this is in the setting. */
  readonly strike?: (family: Family) => Promise<void>
  /** What the user does next, if the run alone cannot clean up. */
  readonly next?: () => Promise<unknown>
  /** Whether the run must be whole in spite of it. */
  readonly isHarmless?: true
  /** What its error must say. */
  readonly says?: RegExp
}

const STOPPED = 400

const kill = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // Dumped to its end, or killed, in the meantime.
    if (signal !== 'SIGCONT') throw error
  }
}

/** The moments that a pause could disturb, because something else goes on meanwhile; what ends a run alike is tried in these. */
const BUSY = new Set(['dump', 'restore', 'execution', 'clean-up'])
const ENDING = ['INT', 'TERM', 'HUP', 'KILL'] as const
const TARGETS: readonly Target[] = ['main', 'worker', 'supervisor', 'launcher', 'criu', 'handler', 'group']

const momentsWith = (target: Target): string[] =>
  MOMENTS.filter(({ targets }) => targets.includes(target)).map(({ name }) => name)

const clean = (): Promise<unknown> => cli(['clean'])

const busyWith = (target: Target): string[] => momentsWith(target).filter((name) => BUSY.has(name))

const ending = (target: Target, signal: (typeof ENDING)[number]): Fault => ({
  name: `${signal} of ${target}`,
  moments: signal === 'INT' || signal === 'KILL' ? momentsWith(target) : busyWith(target),
  strike: async (family) => kill(await family.find(target), `SIG${signal}`),
  // The kernel ends the namespaces of a killed supervisor. Its ledger is for the next run, or for `clean`.
  ...(signal === 'KILL' && target === 'supervisor' && { next: clean }),
})

const pause = (target: Target): Fault => ({
  name: `STOP+CONT of ${target}`,
  moments: busyWith(target),
  // A process that is stopped when it is dumped is restored as stopped, so its run may fail.
  ...(target !== 'handler' && { isHarmless: true }),
  strike: async (family) => {
    const pid = await family.find(target)
    // To its whole group, as a shell's `fg` does: nsenter(1) stops itself with its child.
    const group = pid < 0 ? -pid : (await readStat(pid))?.processGroup
    kill(pid, 'SIGSTOP')
    await delay(STOPPED)
    if (group !== undefined) kill(-group, 'SIGCONT')
  },
})

const signals = TARGETS.flatMap((target) => [
  ...ENDING.map((signal) => ending(target, signal)),
  pause(target),
])

const everybody = (
  then: string,
  next: () => Promise<unknown>,
  moments = momentsWith('supervisor'),
): Fault => ({
  name: `KILL of supervisor and group, then ${then}`,
  moments,
  strike: async (family) => {
    kill(await family.find('supervisor'), 'SIGKILL')
    kill(await family.find('group'), 'SIGKILL')
  },
  next,
})

/** The supervisor of any next run sweeps the ledger. */
const nextRun = async (): Promise<void> => (await openSandbox(`next-${process.pid}`))[Symbol.asyncDispose]()

const others: Fault[] = [
  { name: 'ENOSPC on the rootfs', moments: ['rootfs', 'handler starts', 'dump', 'copy', 'restore'], strike: fullDisk('rootfs-0') }, // prettier-ignore
  { name: 'ENOSPC on the work folder', moments: ['mount', 'handler starts', 'dump', 'restore'], strike: fullDisk('.') }, // prettier-ignore
  { name: 'ENOSPC on the reports', moments: ['whole run'], setting: withFullReports, says: /cannot write .*\n +found: +0.0 kB free/ }, // prettier-ignore
  { name: 'ENOSPC on the cache', moments: ['whole run'], setting: withFullCache },
  { name: 'EMFILE in the worker', moments: ['rootfs', 'dump', 'restore'], strike: async (family) => limitFiles(await family.find('worker')) }, // prettier-ignore
  { name: 'memory limit of the container', moments: ['restore', 'execution'], strike: memoryLimit },
  { name: 'a second run of the same name', moments: ['mount', 'dump', 'restore'], isHarmless: true, strike: secondRun }, // prettier-ignore
  { name: 'clock step', moments: ['whole run'], setting: () => ({ suite: CLOCK_STEP }), says: /the clock was set/ }, // prettier-ignore
  ...HOOKS.map(([hook, suite]): Fault => ({
    name: `a throw in ${hook}`,
    moments: ['whole run'],
    setting: () => ({ suite }),
    says: /thrown on purpose/,
  })),
]

export const FAULTS: readonly Fault[] = [
  ...signals,
  everybody('clean', clean),
  everybody('another run', nextRun, ['dump', 'copy', 'restore']),
  ...others,
]

/** The moments of a fault; the moment of one that is in the setting is the whole run. */
export const momentsOf = ({ moments }: Fault): ReadonlyArray<Moment | undefined> =>
  moments.map((name) => MOMENTS.find((moment) => moment.name === name))
