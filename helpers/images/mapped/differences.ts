import { constants } from 'node:os'
import type { CoreEntry, TaskCoreEntry } from '../generated/criu_pb.ts'
import { entryIn, type ImageSet } from '../image-set.ts'
import { liveProcesses, type LiveProcess } from '../processes.ts'
import { isVma } from '../vma.ts'

/** What a process has that may make it differ, restored by `mapped`, from what it does restored by `eager`. */
export interface Difference {
  readonly pid: number
  /** "has a seccomp filter". */
  readonly has: string
  /** What then differs: a line of the table in helpers/README.md. */
  readonly effect: string
}

/** The differences that the images of a dump can tell. */
export const differencesOf = (set: ImageSet): Difference[] =>
  liveProcesses(set).flatMap((process) =>
    RULES.flatMap(({ has, effect }) => {
      const cores = process.threads.map((tid) => entryIn(set, 'CORE', `core-${tid}.img`, `thread ${tid}`))
      const found = has(process, cores)
      return found === undefined ? [] : [{ pid: process.pid, has: found, effect }]
    }),
  )

interface Rule {
  readonly has: (process: LiveProcess, threads: readonly CoreEntry[]) => string | undefined
  readonly effect: string
}

const RULES: readonly Rule[] = [
  {
    has: (_, threads) => (threads.some(usesSeccomp) ? 'has a seccomp filter' : undefined),
    effect: 'a new filter with a listener fails with EBUSY, SECCOMP_MODE_STRICT with EINVAL',
  },
  {
    has: (_, threads) => {
      const signals = [...new Set(threads.flatMap(({ tc }) => (tc ? interrupting(tc) : [])))]
      return signals.length === 0
        ? undefined
        : `has a timer whose signal interrupts calls (${signals.map(nameOf).join(', ')} without SA_RESTART)`
    },
    effect: 'a discard of memory (madvise) may fail with EINTR: call it again',
  },
  {
    has: ({ mm }) => (mm.vmas.every(isLow) ? 'has 32-bit addresses only' : undefined),
    effect: 'memory that it discards is overwritten with zeros, and not given back',
  },
]

const nameOf = (signal: number): string =>
  Object.entries(constants.signals).find(([, number]) => number === signal)?.[0] ?? `signal ${signal}`

const usesSeccomp = ({ threadCore }: CoreEntry): boolean => (threadCore?.seccompMode ?? 0) !== 0

const isLow = (vma: LiveProcess['mm']['vmas'][number]): boolean =>
  vma.end <= 1n << 32n || isVma(vma, 'VSYSCALL')

/** SIGALRM, SIGVTALRM and SIGPROF, the signals of the timers of setitimer(2). */
const OF_TIMERS = [14, 26, 27]
const SA_RESTART = 0x1000_0000n
/** Of sigevent(3): the other ways to notify send no signal. */
const SENDS_SIGNAL = new Set([0, 4])
/** SIG_DFL and SIG_IGN of signal(2). Neither interrupts a call. */
const NO_HANDLER = new Set([0n, 1n])

/** The signals of armed timers for which a handler is installed without SA_RESTART. */
function interrupting({ timers, sigactions }: TaskCoreEntry): number[] {
  if (!timers) return []
  const { real, virt, prof, posix } = timers
  const all = [
    ...[real, virt, prof].map((timer, index) => ({ left: timer && timer.vsec + timer.vusec, signal: OF_TIMERS[index] ?? 0 })), // prettier-ignore
    ...posix
      .filter(({ itSigevNotify }) => SENDS_SIGNAL.has(itSigevNotify))
      .map(({ vsec, vnsec, siSigno }) => ({ left: vsec + vnsec, signal: siSigno })),
  ]
  const armed = all.filter(({ left = 0n }) => left > 0n)
  return armed
    .map(({ signal }) => signal)
    .filter((signal) => {
      const action = sigactions[indexOf(signal)]
      return action && !NO_HANDLER.has(action.sigaction) && (action.flags & SA_RESTART) === 0n
    })
}

/** The actions are those of all signals from 1 on, but SIGKILL (9) and SIGSTOP (19). */
const indexOf = (signal: number): number => signal - 1 - Number(signal > 9) - Number(signal > 19)
