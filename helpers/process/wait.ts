import { setTimeout as delay } from 'node:timers/promises'
import { CriuBenchError } from '../errors.ts'
import type { Daemon } from './daemon.ts'

/** Whether something is the case by now. It must come to its own end: a look that hangs is not bounded from outside. */
type Condition = () => boolean | Promise<boolean>

export interface Polling {
  /** Milliseconds. */
  readonly limit: number
  /** Milliseconds between two looks; 5 when left out. */
  readonly interval?: number
}

/** Looks until `condition` holds, and once more at the limit; returns whether it held. */
export async function holdsWithin(condition: Condition, { limit, interval = 5 }: Polling): Promise<boolean> {
  const deadline = performance.now() + limit
  while (!(await condition())) {
    if (performance.now() >= deadline) return false
    await delay(interval)
  }
  return true
}

export interface Wait extends Polling {
  /** What cannot be done without it, as a clause: "cannot mount ceph on /x". */
  readonly failed: string
  /** What is waited for, as a noun phrase: "a mount of type fuse.ceph-fuse". */
  readonly expected: string
  readonly fix: string
  /** What there is at the limit in its place; asked then. */
  readonly found: string | (() => string | Promise<string>)
  /** The last lines of the program that should have met the condition; read at the limit. */
  readonly log?: () => string | Promise<string>
  /** Resolves to an error when `condition` can never hold any more, such as when a daemon ends. */
  readonly endedBefore?: Promise<CriuBenchError>
}

/** Waits until `condition` holds. Throws CriuBenchError at the limit, and the error of `endedBefore` when that comes first. */
export async function waitFor(condition: Condition, wait: Wait): Promise<void> {
  const { failed, expected, fix, found, log, limit, endedBefore } = wait
  let ended: CriuBenchError | undefined
  void endedBefore?.then((error) => (ended = error))
  const orEnded = async (): Promise<boolean> => {
    // Before the look: what ended in between may have brought it about.
    const before = ended
    if (await condition()) return true
    if (before) throw before
    return false
  }
  if (await holdsWithin(orEnded, wait)) return
  throw new CriuBenchError({
    failed,
    found: typeof found === 'string' ? found : await found(),
    expected: `${expected} within ${limit / 1000} s`,
    fix,
    ...(log && { log: await log() }),
  })
}

/** A daemon once `condition` shows that it is up. When it ends before, or is not up at the limit, it is ended. */
export async function onceUp(
  daemon: Daemon,
  condition: Condition,
  wait: Omit<Wait, 'endedBefore'>,
): Promise<Daemon> {
  try {
    await waitFor(condition, { ...wait, endedBefore: daemon.ended })
    return daemon
  } catch (error) {
    await daemon[Symbol.asyncDispose]()
    throw error
  }
}
