import { readdir, readFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { KB } from '../units.ts'
import { localHost, hostPath, type Host } from '../host/host.ts'
import { run } from '../process/process.ts'
import { isRemote } from '../process/remote.ts'
import { parseStat } from '../proc/stat.ts'

/** CPU time since boot, summed over all processors, in clock ticks of the kernel. */
export interface CpuTime {
  readonly total: number
  /** Time that any program used. */
  readonly busy: number
  /** Time that the hypervisor gave to other virtual machines. */
  readonly stolen: number
  /** Time that this process, its finished children and the processes on the given hosts used. */
  readonly own: number
  /** Microseconds in which some process was ready to run and had to wait. 0 if the kernel does not count it (PSI). */
  readonly waited: number
}

/** Reads the CPU time. Processes on `hosts`, such as daemons and waiting handlers, count as our own. */
export async function readCpuTime(hosts: readonly Host[] = []): Promise<CpuTime> {
  const accounts = (await Promise.all(hosts.map((host) => accountsOf(host)))).flat()
  const [stat = '', pressure = '', ...own] = await Promise.all(
    // The time of a process that has ended since it was listed is included in that of its parent.
    ['/proc/stat', '/proc/pressure/cpu', '/proc/self/stat', ...accounts].map(
      async (path) => (await textOf(path)) ?? '',
    ),
  )
  return parseCpuTime(stat, own.filter(Boolean), pressure)
}

/**
 * Paths of /proc/PID/stat of all processes on a host. None for this machine itself, which also runs other programs, and
 * for another machine, whose CPU time is not this machine's.
 */
async function accountsOf(host: Host): Promise<string[]> {
  if (host.root === '/' || isRemote(host)) return []
  const proc = hostPath(host, '/proc')
  const names = await readdir(proc).catch(() => [])
  return names.filter((name) => /^\d+$/.test(name)).map((pid) => join(proc, pid, 'stat'))
}

/** Parses /proc/stat, /proc/PID/stat files and /proc/pressure/cpu. proc(5) describes their fields. */
export function parseCpuTime(stat: string, accounts: readonly string[], pressure = ''): CpuTime {
  // Without guest and guest_nice, the last two fields: user and nice already include them.
  const fields = (stat.split('\n')[0] ?? '').trim().split(/\s+/).slice(1, 9).map(Number)
  const [, , , idle = 0, iowait = 0, , , stolen = 0] = fields
  const total = fields.reduce((sum, field) => sum + field, 0)
  const own = accounts.reduce((sum, account) => sum + parseStat(account).cpuTicks, 0)
  const waited = Number(/^some .*total=(\d+)/m.exec(pressure)?.[1] ?? 0)
  return { total, busy: total - idle - iowait - stolen, stolen, own, waited }
}

/** Noise between two readings, in percent. */
export interface Disturbance {
  /** Stolen time, of all CPU time. */
  readonly steal: number
  /** Other programs, of one processor. */
  readonly others: number
  /** The time in which a process had to wait for a processor: for one that others used, or for its share of them. */
  readonly waited: number
}

export function disturbanceBetween(before: CpuTime, now: CpuTime, processors: number): Disturbance {
  const total = now.total - before.total
  if (total <= 0) return { steal: 0, others: 0, waited: 0 }
  const busy = now.busy - before.busy - (now.own - before.own)
  return {
    steal: (100 * (now.stolen - before.stolen)) / total,
    others: Math.max(0, (100 * processors * busy) / total),
    waited: (100 * (now.waited - before.waited)) / ((total / processors) * TICK),
  }
}

/** Microseconds of the kernel's clock tick. */
const TICK = 10_000

/** The sources of noise on a machine. */
export interface Noise {
  readonly load: number
  readonly governor?: string
  /** Bytes. */
  readonly swapUsed: number
  /** Percent of all CPU time. */
  readonly steal: number
  readonly virtualisation: string
  readonly advice: string[]
}

/** How long to observe the CPU time, ms. The kernel counts it in hundredths of a second. */
const INTERVAL = 300

/** Measures the noise on the machine before a run. Takes INTERVAL. */
export async function measureNoise(): Promise<Noise> {
  const before = await readCpuTime()
  await delay(INTERVAL)
  const { steal } = disturbanceBetween(before, await readCpuTime(), cpus().length)
  const governor = await governorOf()
  const facts = {
    load: loadavg()[0] ?? 0,
    swapUsed: await swapUsed(),
    steal,
    virtualisation: await virtualisation(),
    ...(governor && { governor }),
  }
  return { ...facts, advice: adviceOn(facts, cpus().length) }
}

/** One piece of advice for each source of noise that a user can fix. */
export function adviceOn(
  { load, governor, swapUsed: swap, steal }: Omit<Noise, 'advice'>,
  processors: number,
): string[] {
  const advice: string[] = []
  if (load > processors / 2)
    advice.push(
      `load ${load.toFixed(2)} on ${processors} processors: stop other programs, or wait until they end`,
    )
  if (steal > 1)
    advice.push(
      `${steal.toFixed(1)} % of CPU time is stolen: use a machine with dedicated processors, or measure at another time`,
    )
  if (governor !== undefined && governor !== 'performance')
    advice.push(
      `the governor ${governor} changes frequencies: run cpupower frequency-set --governor performance`,
    )
  if (swap > 0) advice.push('memory was swapped out: free memory, then run swapoff --all')
  return advice
}

const governorOf = async (): Promise<string | undefined> =>
  (await textOf('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'))?.trim()

async function swapUsed(): Promise<number> {
  const info = await readFile('/proc/meminfo', 'utf8')
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(info)?.[1] ?? 0)
  return (field('SwapTotal') - field('SwapFree')) * KB
}

/** Asks systemd-detect-virt. Without that program, only the processor's hypervisor flag is known. */
async function virtualisation(): Promise<string> {
  const command = { argv: ['systemd-detect-virt'], failed: 'cannot detect the virtualisation', fix: 'none needed', timeout: 5000, accept: [0, 1] } // prettier-ignore
  const found = await run(localHost, command).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  )
  if (found !== '' && found !== 'none') return found
  const isVirtual = /^flags\s*:.*\bhypervisor\b/m.test(await readFile('/proc/cpuinfo', 'utf8'))
  return isVirtual ? 'unknown hypervisor' : 'none'
}

const textOf = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)

/** The shortest span between two readings that counts, ms: the kernel counts CPU time in hundredths of a second. */
const MIN_SPAN = 250
/** A machine is noisy if other programs use at least this much of one processor, in percent. */
const BUSY = 30
/** A machine is noisy if at least this much of all CPU time is stolen, in percent. */
const STOLEN = 2

/**
 * A machine is noisy if some process waits for at least this much of the time, in percent. Our own take turns for up to a fifth
 * of it on two quiet processors. In a container with a limited share of them, nothing else shows the waits.
 */
const WAITED = 40

/** Reports the noise on the machine around each sample. */
export class NoiseMonitor {
  readonly #hosts: Iterable<Host>
  readonly #readings: Array<{ readonly at: number; readonly time: CpuTime }> = []

  /** Processes on `hosts` are part of the measurement, so they are not noise. */
  constructor(hosts: Iterable<Host> = []) {
    this.#hosts = hosts
  }

  /**
   * Takes a reading. Returns the noise since an earlier reading at least MIN_SPAN ago, or undefined if there is no such
   * reading or the machine is quiet.
   */
  async read(): Promise<string[] | undefined> {
    const time = await readCpuTime([...this.#hosts])
    const now = { at: performance.now(), time }
    this.#readings.push(now)
    while (this.#readings[1] && now.at - this.#readings[1].at >= MIN_SPAN) this.#readings.shift()
    const [oldest] = this.#readings
    if (!oldest || now.at - oldest.at < MIN_SPAN) return undefined
    const { steal, others, waited } = disturbanceBetween(oldest.time, now.time, cpus().length)
    const found = [
      ...(steal >= STOLEN ? [`steal ${steal.toFixed(0)} %`] : []),
      ...(others >= BUSY ? [`other programs used ${others.toFixed(0)} % of a processor`] : []),
      ...(waited >= WAITED ? [`processes waited for a processor ${waited.toFixed(0)} % of the time`] : []),
    ]
    return found.length > 0 ? found : undefined
  }
}
