import { findCriu } from '../criu/binary.ts'
import { CriuBenchError } from '../errors.ts'
import { localHost, type Host } from '../host/host.ts'
import { readMounts } from '../mount/mounts.ts'
import { ensureProgramOnHost } from '../programs/ensure-on-host.ts'
import { run } from '../process/process.ts'

/** One thing that a run needs: what was found, and when it will not do, the fix. */
export interface Finding {
  readonly name: string
  readonly found: string
  readonly fix?: string
}

/** What a host is, as far as it decides whether it can restore what another dumped. */
export interface Machine {
  readonly kernel: string
  readonly architecture: string
  readonly cpu: string
  /** What the CPU can do, by the names of /proc/cpuinfo. */
  readonly flags: readonly string[]
}

const FIX = 'the host needs sh, coreutils and util-linux'

const ask = async (host: Host, script: string, ...args: readonly string[]): Promise<string> => {
  const command = { failed: 'cannot look at the host that restores', fix: FIX, timeout: 20_000 }
  return (await run(host, { argv: ['sh', '-c', script, 'sh', ...args], ...command })).stdout.trim()
}

export async function machineOf(host: Host): Promise<Machine> {
  const script = 'uname -r; uname -m; sed -n "s/^model name.*: //p" /proc/cpuinfo | head -n 1; sed -n "s/^flags.*: //p" /proc/cpuinfo | head -n 1' // prettier-ignore
  const [kernel = '', architecture = '', cpu = '', flags = ''] = (await ask(host, script)).split('\n')
  return { kernel, architecture, cpu: cpu || 'unknown', flags: flags.split(' ').filter(Boolean) }
}

type Check = (host: Host, programs: readonly string[]) => Promise<Finding>

/** In the order in which a restore would miss it. */
const CHECKS: readonly Check[] = [root, namespaces, cgroup, installed, machine, criu]

/** Looks at everything that a restore needs of a host; `programs` are what mounts the filesystem there. */
export async function examineHost(host: Host, programs: readonly string[]): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const check of CHECKS) findings.push(await check(host, programs))
  return findings
}

/** Refuses a host that lacks something for a restore, before anything is measured. Throws CriuBenchError. */
export async function checkHost(name: string, host: Host, programs: readonly string[]): Promise<void> {
  const missing = (await examineHost(host, programs)).find(({ fix }) => fix !== undefined)
  if (missing?.fix === undefined) return
  throw new CriuBenchError({
    failed: `cannot restore on ${name}: ${missing.name}`,
    found: missing.found,
    expected: 'what a restore needs: root, namespaces, cgroups, this architecture, a CRIU that runs there',
    fix: missing.fix,
  })
}

const finding = (name: string, good: boolean, found: string, fix: string): Finding =>
  good ? { name, found } : { name, found, fix }

async function root(host: Host): Promise<Finding> {
  const uid = await ask(host, 'id -u')
  return finding('root', uid === '0', `uid ${uid}`, 'log in there as root: ssh://root@host')
}

async function namespaces(host: Host): Promise<Finding> {
  const script = 'unshare --mount --pid --uts --ipc --fork --mount-proc true 2>&1 || true'
  const said = await ask(host, script)
  const fix = 'apt-get install util-linux there; in a container: run it privileged'
  return finding('namespaces', said === '', said || 'mount, pid, uts, ipc', fix)
}

async function cgroup(host: Host): Promise<Finding> {
  const types = new Set((await readMounts(host)).map(({ type }) => type))
  const found = [...types].filter((type) => type.startsWith('cgroup')).join(', ')
  return finding('cgroup', found !== '', found || 'none', 'mount -t cgroup2 none /sys/fs/cgroup, there')
}

async function installed(host: Host, programs: readonly string[]): Promise<Finding> {
  const script = 'for program; do command -v "$program" >/dev/null || echo "$program"; done'
  const missing = (await ask(host, script, ...programs)).split('\n').filter(Boolean).join(', ')
  const fix = `apt-get install ${missing}, there`
  return finding('client', missing === '', missing === '' ? programs.join(', ') : `no ${missing}`, fix)
}

async function machine(host: Host): Promise<Finding> {
  const [here, there] = [await machineOf(localHost), await machineOf(host)]
  const lacks = here.flags.filter((flag) => !there.flags.includes(flag))
  const differing = [
    `kernel ${there.kernel}${there.kernel === here.kernel ? '' : ` (here ${here.kernel})`}`,
    `${there.architecture}, ${there.cpu}`,
    // CRIU itself refuses what cannot work; much of what a CPU lacks, a process does not use.
    lacks.length === 0
      ? 'every CPU feature of this machine'
      : `lacks of this CPU's features ${lacks.join(' ')}`,
  ]
  const fix = `a machine of this architecture (${here.architecture}): a process cannot go on on another`
  return finding('machine', here.architecture === there.architecture, differing.join('; '), fix)
}

async function criu(host: Host): Promise<Finding> {
  const { path } = await findCriu()
  const check = await run(host, {
    argv: [await ensureProgramOnHost(host, path), 'check'],
    failed: 'cannot check CRIU on the host that restores',
    fix: FIX,
    timeout: 60_000,
    accept: Array.from({ length: 256 }, (_, status) => status),
  })
  const good = check.exitCode === 0 && /Looks good/.test(check.stdout)
  const said = (check.stderr || check.stdout).trim()
  const found = good ? 'passes criu check there' : said || `exit status ${check.exitCode}`
  return finding('criu', good, found, 'its kernel must be one that this CRIU knows: see the lines above')
}
