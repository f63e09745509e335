import { cgroupVersion } from '../cgroup/cgroups.ts'
import { findCriu } from '../criu/binary.ts'
import { CriuBenchError, reasonOf } from '../errors.ts'
import { localHost, type Host } from '../host/host.ts'
import { AS_ROOT } from '../installation/own-command.ts'
import { machineOf } from '../machine/machine.ts'
import { run } from '../process/process.ts'
import { isRemote } from '../process/remote.ts'
import { ensureProgramOnHost } from '../programs/ensure-on-host.ts'
import { openSandbox } from '../sandbox/sandbox.ts'

/** One thing that a run needs: what was found, and the fix when that is not enough. */
export interface Finding {
  readonly name: string
  readonly found: string
  readonly fix?: string
}

/** What is looked at: this machine, or another host that is to restore. */
interface Examined {
  readonly host: Host
  /** What mounts the filesystem there. */
  readonly programs: readonly string[]
}

type Check = (examined: Examined) => Promise<Finding>

/** What every host needs, in the order in which a run would miss it. */
const CHECKS: Readonly<Record<string, Check>> = { root, capabilities, namespaces, overlay, cgroup }
/** What a host needs in addition to restore what another one dumped. */
const CHECKS_THERE: Readonly<Record<string, Check>> = { client, machine }

/** Looks at everything that a host needs; `programs` are what mounts the filesystem on a host that is not this machine. */
export async function examineHost(host: Host, programs: readonly string[] = []): Promise<Finding[]> {
  const checks = { ...CHECKS, ...(host === localHost ? {} : CHECKS_THERE), criu }
  const findings: Finding[] = []
  for (const [name, check] of Object.entries(checks))
    findings.push(await orFinding(name, () => check({ host, programs })))
  return findings
}

/** What a check finds; when it fails itself, that is what it has found. */
export async function orFinding(name: string, check: () => Finding | Promise<Finding>): Promise<Finding> {
  try {
    return await check()
  } catch (error) {
    if (error instanceof CriuBenchError) return { name, found: error.facts.found, fix: error.facts.fix }
    if (process.getuid?.() === 0) throw error
    return { name, found: reasonOf(error), fix: RUN_AS_ROOT }
  }
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

export const finding = (name: string, good: boolean, found: string, fix: string): Finding =>
  good ? { name, found } : { name, found, fix }

const RUN_AS_ROOT = `run as root: ${AS_ROOT}`
const CAP_SYS_ADMIN = 21n

/** The output of a script on the host. */
const ask = async (host: Host, script: string, ...args: readonly string[]): Promise<string> => {
  const facts = { failed: 'cannot look at the host', fix: 'install sh, coreutils and util-linux on the host' }
  return (
    await run(host, { argv: ['sh', '-c', script, 'sh', ...args], ...facts, timeout: 20_000 })
  ).stdout.trim()
}

const on = (host: Host, here: string, there: string): string => (isRemote(host) ? there : here)

async function root({ host }: Examined): Promise<Finding> {
  const uid = await ask(host, 'id -u')
  return finding('root', uid === '0', `uid ${uid}`, on(host, RUN_AS_ROOT, 'log in as root: ssh://root@host'))
}

async function capabilities({ host }: Examined): Promise<Finding> {
  const effective = BigInt(`0x${(await ask(host, 'sed -n "s/^CapEff:\\s*//p" /proc/self/status')) || '0'}`)
  const has = (effective >> CAP_SYS_ADMIN) % 2n === 1n
  const found = has ? 'CAP_SYS_ADMIN' : 'no CAP_SYS_ADMIN'
  return finding('capabilities', has, found, 'in a container: run it privileged')
}

async function namespaces({ host }: Examined): Promise<Finding> {
  // As a run opens them: it names a chroot as what is wrong with them.
  if (host === localHost && process.getuid?.() === 0)
    await (await openSandbox(`vitest-criu-doctor-${process.pid}`))[Symbol.asyncDispose]()
  const said = await ask(host, 'unshare --mount --pid --uts --ipc --fork --mount-proc true 2>&1 || true')
  const install = `apt-get install util-linux${on(host, '', ' on that host')}`
  const fix = `${install}; the kernel needs CONFIG_NAMESPACES; in a container: run it privileged`
  return finding('namespaces', said === '', said || 'mount, pid, uts, ipc', fix)
}

/** In a mount namespace of its own, so that nothing is left of it. */
const LAYER = `unshare --mount --propagation private sh -ec 'mount -t tmpfs none /tmp; cd /tmp; mkdir lower upper work
  mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay lower' 2>&1 || true`

async function overlay({ host }: Examined): Promise<Finding> {
  const said = await ask(host, LAYER)
  const fix = `modprobe overlay${on(host, '', ' on that host')}; the kernel needs CONFIG_OVERLAY_FS`
  return finding('overlayfs', said === '', said || 'a layer for what a container writes', fix)
}

async function cgroup({ host }: Examined): Promise<Finding> {
  const version = await cgroupVersion(host)
  const fix = `mount -t cgroup2 none /sys/fs/cgroup${on(host, '', ' on that host')}`
  return finding('cgroup', version !== 'none', version, fix)
}

async function client({ host, programs }: Examined): Promise<Finding> {
  const script = 'for program; do command -v "$program" >/dev/null || echo "$program"; done'
  const missing = (await ask(host, script, ...programs)).split('\n').filter(Boolean).join(', ')
  const fix = `apt-get install ${missing} on that host`
  return finding('client', missing === '', missing === '' ? programs.join(', ') : `no ${missing}`, fix)
}

async function machine({ host }: Examined): Promise<Finding> {
  const [here, there] = [await machineOf(localHost), await machineOf(host)]
  const lacks = here.flags.filter((flag) => !there.flags.includes(flag))
  const differing = [
    `kernel ${there.kernel}${there.kernel === here.kernel ? '' : ` (here ${here.kernel})`}`,
    `${there.architecture}, ${there.cpu}`,
    // CRIU itself refuses what cannot work; much of what a CPU lacks, a process does not use.
    lacks.length === 0
      ? 'every CPU feature of this machine'
      : `without these CPU features of this machine: ${lacks.join(' ')}`,
  ]
  const fix = `restore on a machine of this architecture (${here.architecture}): a dump cannot be restored on another one`
  return finding('machine', here.architecture === there.architecture, differing.join('; '), fix)
}

async function criu({ host }: Examined): Promise<Finding> {
  // On this machine it has passed `criu check` when it is found.
  const { path, version } = await findCriu()
  if (host === localHost) return { name: 'criu', found: `${version}, ${path}, passes criu check` }
  const check = await run(host, {
    argv: [await ensureProgramOnHost(host, path), 'check'],
    failed: 'cannot check CRIU on the host that restores',
    fix: 'look at the connection to the host',
    timeout: 60_000,
    accept: Array.from({ length: 256 }, (_, status) => status),
  })
  const good = check.exitCode === 0 && /Looks good/.test(check.stdout)
  const said = (check.stderr || check.stdout).trim()
  const found = good ? 'passes criu check there' : said || `exit status ${check.exitCode}`
  return finding(
    'criu',
    good,
    found,
    'restore on a host whose kernel passes `criu check`: the lines above say what is missing',
  )
}
