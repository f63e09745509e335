import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { CriuBenchError } from '../errors.ts'
import { checkContainerName } from '../cgroup/cgroups.ts'
import { AS_ROOT, ownCommand } from '../installation/own-command.ts'
import type { Host } from '../host/host.ts'
import { WORK } from '../installation/paths.ts'
import { requireRoot } from '../host/root.ts'

/** A host with mounts and processes of its own, which end with it, or with this process. */
export interface Sandbox extends Host, AsyncDisposable {
  /** The cgroup name that containers here use, and that is swept when the sandbox ends. */
  readonly containerName: string
  /** Pid of the namespaces' init, seen from outside. */
  readonly init: number
}

// CRIU keeps its kernel probe cache only on a tmpfs /run, and restores a process to the pid it had: pids start high
// enough that none is one of a container's own first processes. /dev/shm would be the machine's own, mounts private or not.
const SETUP = `
mount -t tmpfs -o mode=755,size=64m vitest-criu /run
mount -t tmpfs -o mode=1777 vitest-criu /dev/shm
mount -t tmpfs -o mode=755,size=256m vitest-criu ${WORK}
echo 1000 > /proc/sys/kernel/ns_last_pid
`

const START_LIMIT = 20_000
/** A supervisor that does not end is killed: the kernel ends the namespaces with it, the next start sweeps its cgroup. */
const END_LIMIT = 60_000

export interface SandboxOptions {
  /** A network namespace of its own as well, with nothing but a loopback. */
  readonly ownNetwork?: boolean
}

/**
 * Opens a private mount and PID namespace under a supervisor outside this process. Whatever happens to this process,
 * SIGKILL included, nothing of it stays: no mount, no process, no cgroup named `containerName`.
 */
export async function openSandbox(containerName: string, options: SandboxOptions = {}): Promise<Sandbox> {
  requireRoot()
  await checkContainerName(containerName)
  await mkdir(WORK, { recursive: true })
  const script = fileURLToPath(new URL(`supervisor${extname(import.meta.url)}`, import.meta.url))
  // detached: Ctrl-C in a terminal must reach the run, not the one who cleans up after it.
  const network = options.ownNetwork ? ['--net'] : []
  const setup = options.ownNetwork ? `${SETUP}ip link set lo up` : SETUP
  const supervisor = spawn(process.execPath, [script, containerName, setup, ...network], {
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'] },
  })
  const answer = await firstLine(supervisor.stdout)
  const init = Number(/^init (\d+)$/.exec(answer)?.[1])
  if (!Number.isInteger(init)) {
    supervisor.stdin.end()
    throw notOpened(answer)
  }
  return {
    containerName,
    init,
    // --root: where this runs in a chroot, the namespace's own root is another.
    namespacePrefix: ['nsenter', '--target', String(init), '--mount', '--pid', ...network, '--root', '--'],
    root: `/proc/${init}/root`,
    [Symbol.asyncDispose]: async () => {
      if (supervisor.exitCode !== null || supervisor.signalCode !== null) return
      const ended = once(supervisor, 'exit')
      const overdue = setTimeout(() => supervisor.kill('SIGKILL'), END_LIMIT)
      supervisor.stdin.end()
      await ended
      clearTimeout(overdue)
    },
  }
}

async function firstLine(output: Readable): Promise<string> {
  const lines = createInterface({ input: output, signal: AbortSignal.timeout(START_LIMIT) })
  for await (const line of lines) return line
  return `no answer within ${START_LIMIT / 1000} s`
}

const notOpened = (answer: string): CriuBenchError =>
  new CriuBenchError({
    failed: 'cannot open private mount and PID namespaces',
    found: answer.replace(/^error /, ''),
    expected: 'root with CAP_SYS_ADMIN, and unshare, nsenter and setpriv of util-linux',
    fix: `run as root: ${AS_ROOT}; \`${ownCommand('doctor')}\` names what is missing`,
  })
