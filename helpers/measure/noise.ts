import { readdir, readFile } from 'node:fs/promises'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { KB } from '../units.ts'
import { localHost, hostPath, type Host } from '../host/host.ts'
import { run } from '../process/process.ts'
import { isRemote } from '../process/remote.ts'
import { parseStat } from '../proc/stat.ts'

/** CPU time since boot over all processors, in ticks of the kernel's clock. */
export interface CpuTime {
  readonly total: number
  /** In use, by this project or others. */
  readonly busy: number
  /** That the hypervisor gave to others. */
  readonly stolen: number
  /** In use by this process, by all that it started and that have ended, and by what runs on the hosts that were given. */
  readonly own: number
}

/** `hosts`: whose processes are not others', daemons and what waits to be dumped. */
export async function readCpuTime(hosts: readonly Host[] = []): Promise<CpuTime> {
  const accounts = (await Promise.all(hosts.map((host) => accountsOf(host)))).flat()
  const [stat = '', ...own] = await Promise.all(
    // Who has ended since they were listed is in the account of who has waited for it.
    ['/proc/stat', '/proc/self/stat', ...accounts].map(async (path) => (await textOf(path)) ?? ''),
  )
  return parseCpuTime(stat, own.filter(Boolean))
}

/** /proc/PID/stat of everything that runs there. This machine itself has others as well, and another one its own clock. */
async function accountsOf(host: Host): Promise<string[]> {
  if (host.root === '/' || isRemote(host)) return []
  const proc = hostPath(host, '/proc')
  const names = await readdir(proc).catch(() => [])
  return names.filter((name) => /^\d+$/.test(name)).map((pid) => join(proc, pid, 'stat'))
}

/** Of the texts of /proc/stat and /proc/PID/stat: proc(5) has their fields. */
export function parseCpuTime(stat: string, accounts: readonly string[]): CpuTime {
  // guest and guest_nice, the last two, are in user and nice already.
  const fields = (stat.split('\n')[0] ?? '').trim().split(/\s+/).slice(1, 9).map(Number)
  const [, , , idle = 0, iowait = 0, , , stolen = 0] = fields
  const total = fields.reduce((sum, field) => sum + field, 0)
  const own = accounts.reduce((sum, account) => sum + parseStat(account).cpuTicks, 0)
  return { total, busy: total - idle - iowait - stolen, stolen, own }
}

/** Between two looks: percent of all CPU time that was stolen, and percent of one processor that others used. */
export function disturbanceBetween(
  before: CpuTime,
  now: CpuTime,
  processors: number,
): { steal: number; others: number } {
  const total = now.total - before.total
  if (total <= 0) return { steal: 0, others: 0 }
  const busy = now.busy - before.busy - (now.own - before.own)
  return {
    steal: (100 * (now.stolen - before.stolen)) / total,
    others: Math.max(0, (100 * processors * busy) / total),
  }
}

/** What disturbs a measurement. */
export interface Noise {
  readonly load: number
  readonly governor?: string
  /** Bytes. */
  readonly swapUsed: number
  readonly steal: number
  readonly virtualisation: string
  readonly advice: string[]
}

/** How long to look at the CPU time: the kernel counts in hundredths of a second. */
const LOOK = 300

/** A look at the machine before anything is measured. */
export async function lookAtNoise(): Promise<Noise> {
  const before = await readCpuTime()
  await delay(LOOK)
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

/** A sentence for each thing that a user can fix. */
export function adviceOn(
  { load, governor, swapUsed: swap, steal }: Omit<Noise, 'advice'>,
  processors: number,
): string[] {
  const advice: string[] = []
  if (load > processors / 2)
    advice.push(`load ${load.toFixed(2)} on ${processors} processors: stop what else runs, or wait for it`)
  if (steal > 1)
    advice.push(
      `${steal.toFixed(1)} % of CPU time is stolen: use a host with processors of its own, or another hour`,
    )
  if (governor !== undefined && governor !== 'performance')
    advice.push(`the governor ${governor} changes frequencies: cpupower frequency-set --governor performance`)
  if (swap > 0) advice.push('memory was swapped out: free memory, then swapoff --all')
  return advice
}

const governorOf = async (): Promise<string | undefined> =>
  (await textOf('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor'))?.trim()

async function swapUsed(): Promise<number> {
  const info = await readFile('/proc/meminfo', 'utf8')
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(info)?.[1] ?? 0)
  return (field('SwapTotal') - field('SwapFree')) * KB
}

/** By systemd's tool, which knows them all; without it, whether the processor says that there is a hypervisor. */
async function virtualisation(): Promise<string> {
  const command = { argv: ['systemd-detect-virt'], failed: 'cannot tell the virtualisation', fix: 'none needed', timeout: 5000, accept: [0, 1] } // prettier-ignore
  const found = await run(localHost, command).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  )
  if (found !== '' && found !== 'none') return found
  const isVirtual = /^flags\s*:.*\bhypervisor\b/m.test(await readFile('/proc/cpuinfo', 'utf8'))
  return isVirtual ? 'unknown hypervisor' : 'none'
}

const textOf = (path: string): Promise<string | undefined> => readFile(path, 'utf8').catch(() => undefined)

/** The shortest span over which hundredths of a second say something, ms. */
const SPAN = 250
/** Percent of one processor in use by others, and percent of CPU time stolen, that are no longer quiet. */
const BUSY = 30
const STOLEN = 2

/** Tells what disturbs the machine around each sample. */
export class NoiseWatch {
  readonly #hosts: Iterable<Host>
  readonly #looks: Array<{ readonly at: number; readonly time: CpuTime }> = []

  /** `hosts`: what runs there belongs to what is measured. */
  constructor(hosts: Iterable<Host> = []) {
    this.#hosts = hosts
  }

  /** Looks, and tells what disturbed since a look at least SPAN ago: undefined on a quiet machine, and at first. */
  async look(): Promise<string[] | undefined> {
    const time = await readCpuTime([...this.#hosts])
    const now = { at: performance.now(), time }
    this.#looks.push(now)
    while (this.#looks[1] && now.at - this.#looks[1].at >= SPAN) this.#looks.shift()
    const [oldest] = this.#looks
    if (!oldest || now.at - oldest.at < SPAN) return undefined
    const { steal, others } = disturbanceBetween(oldest.time, now.time, cpus().length)
    const found = [
      ...(steal >= STOLEN ? [`steal ${steal.toFixed(0)} %`] : []),
      ...(others >= BUSY ? [`others use ${others.toFixed(0)} % of a processor`] : []),
    ]
    return found.length > 0 ? found : undefined
  }
}
