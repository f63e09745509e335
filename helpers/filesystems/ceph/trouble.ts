import { join } from 'node:path'
import { z } from 'zod'
import { CriuBenchError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { TimeoutError } from '../../process/child.ts'
import { run } from '../../process/process.ts'
import { describeBytes, type Bytes } from '../../units.ts'
import type { Client } from './client.ts'

export interface Mount {
  readonly host: Host
  /** Where the client is mounted. */
  readonly whole: string
  /** Milliseconds that the cluster may take to tell its free space, or to write one block. */
  readonly patience: number
}

/** A mount of the run's own folder on a cluster, with what tells whether it still works. */
export interface MonitoredMount extends Mount {
  readonly client: Client
  /** The run's own folder on the mount. */
  readonly folder: string
  readonly room: Bytes
  /** The cluster, described for people. */
  readonly description: string
}

/** Milliseconds: Ceph itself reports requests that take longer (osd_op_complaint_time). */
export const PATIENCE = 30_000

export interface Trouble {
  readonly error: CriuBenchError
  /** Whether a process that waits for the cluster would wait forever. */
  readonly hangs: boolean
}

/**
 * Writes a block and returns what kept the cluster from taking it; undefined when it took it. Ceph lets a client wait for
 * as long as a server is away or full, so only an attempt can tell. Used after a failure, and by `watch`.
 */
export async function diagnose(mount: MonitoredMount): Promise<Trouble | undefined> {
  const { host, folder, patience } = mount
  const probe = join(folder, '.probe')
  const script = 'dd if=/dev/zero of="$1" bs=4096 count=1 conv=fsync status=none; rm -f "$1"'
  try {
    await run(host, {
      argv: ['sh', '-ec', script, 'sh', probe],
      failed: `cannot write to ${folder}`,
      fix: 'look at the cluster: ceph health detail',
      timeout: patience,
    })
    return undefined
  } catch (error) {
    if (!(error instanceof CriuBenchError)) throw error
    return { error: await explain(mount, error), hangs: error instanceof TimeoutError }
  }
}

async function explain(mount: MonitoredMount, refused: CriuBenchError): Promise<CriuBenchError> {
  const { room, description } = mount
  // A cluster that does not answer is told as such, without its space.
  const [space, checks] = await Promise.all([spaceOf(mount).catch(() => undefined), healthOf(mount)])
  const isFull =
    space?.free === 0 ||
    checks.some(({ name }) => FULL.has(name)) ||
    /No space left|quota exceeded/i.test(refused.message)
  const said = checks.map(({ message }) => message).join('; ')
  const reported = said === '' ? '' : `; the cluster reports: ${said}`
  return new CriuBenchError(
    isFull
      ? {
          failed: `cannot write to ceph: it is full (${description})`,
          found: `${space ? describeSpace(space) : refused.facts.found}${reported}`,
          expected: `room for ${describeBytes(room)}, as this suite may need`,
          fix: 'free some space (ceph df, ceph health detail), raise the quota, or measure smaller sizes: VITEST_CRIU_SIZES=1MB,4MB',
        }
      : {
          failed: `cannot go on with ceph: it does not answer (${description})`,
          found: `${refused.facts.found}${reported}`,
          expected: `a block written within ${mount.patience / 1000} s`,
          fix: 'look at the cluster: ceph health detail',
          log: refused.facts.log,
        },
    { cause: refused },
  )
}

const FULL: ReadonlySet<string> = new Set(['OSD_FULL', 'POOL_FULL', 'OSD_BACKFILLFULL'])
/** Health checks that do not concern a client's reads and writes. */
const ASIDE: ReadonlySet<string> = new Set(['MGR_MODULE_ERROR', 'MON_CLOCK_SKEW', 'TELEMETRY_CHANGED'])

const Health = z.object({
  checks: z.record(z.string(), z.object({ detail: z.array(z.object({ message: z.string() })) })),
})

/** The cluster's failed health checks; none where this user may not ask for them. */
async function healthOf({ client }: MonitoredMount): Promise<Array<{ name: string; message: string }>> {
  const output = await client.ask('health', 'detail').catch(() => '{"checks":{}}')
  return Object.entries(Health.parse(JSON.parse(output)).checks)
    .filter(([name]) => !ASIDE.has(name))
    .map(([name, { detail }]) => ({ name, message: detail.map(({ message }) => message).join(', ') }))
}

interface Space {
  readonly free: Bytes
  readonly whole: Bytes
}

export const describeSpace = ({ free, whole }: Space): string =>
  `${describeBytes(free)} free of ${describeBytes(whole)}`

/**
 * The free space of the file system as its monitors report it: approximate, and without the quotas of pools. It is asked at
 * the root of the mount, because an MDS that waits for an OSD may not tell of the folders in it, and in bounded time.
 */
export async function spaceOf({ host, whole, patience }: Mount): Promise<Space> {
  const { stdout } = await run(host, {
    argv: ['stat', '--file-system', '--format', '%a %b %S', whole],
    failed: `cannot ask for the free space of ${whole}`,
    fix: 'look at the cluster: ceph status',
    timeout: patience,
  })
  const [available = 0, blocks = 0, size = 0] = stdout.split(' ').map(Number)
  return { free: available * size, whole: blocks * size }
}

/** Milliseconds before the first look, longer than any restore takes, so that looks never disturb a measurement. */
const LEAVE_ALONE = 5000
const EVERY = 2000

/**
 * Watches the mount while work goes on: asks a monitor for the free space (some ms). Calls `onTrouble` when there is
 * none, and once every `patience`.
 */
export function watch(mount: MonitoredMount, onTrouble: () => Promise<unknown>): Disposable {
  let full = 0
  let asking = false
  let answered = performance.now()
  const look = async (): Promise<void> => {
    if (asking) return
    asking = true
    // An error says nothing of the space. Whether the cluster answers at all is asked after each `patience`.
    const space = await spaceOf(mount).catch(() => undefined)
    full = space?.free === 0 ? full + 1 : 0
    if (full > 1 || performance.now() - answered >= mount.patience) {
      await onTrouble()
      answered = performance.now()
    }
    asking = false
  }
  const begin = (): void => {
    timer = setInterval(() => void look(), EVERY)
    void look()
  }
  let timer = setTimeout(begin, Math.min(LEAVE_ALONE, mount.patience))
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}
