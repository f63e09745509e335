import { mkdir, readlink } from 'node:fs/promises'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkContainerName } from '../cgroup/cgroups.ts'
import { CriuBenchError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { requireRoot } from '../host/root.ts'
import { AS_ROOT, ownCommand } from '../installation/own-command.ts'
import { COMPILE_CACHE, WORK } from '../installation/paths.ts'
import { converseWithSurvivor } from '../process/dialogue.ts'
import { isExiting } from './fuse.ts'
import { enterCommand, type NamespaceOptions } from './namespaces.ts'

/** A host with mounts and processes of its own, which end with it, or with this process. */
export interface Sandbox extends Host, AsyncDisposable {
  /** The cgroup name that containers here use, and that is swept when the sandbox ends. */
  readonly containerName: string
  /** Pid of the namespaces' init, seen from outside. */
  readonly init: number
}

export interface SandboxOptions extends NamespaceOptions {
  /** How many containers it may have beside the first, named "NAME.0" and so on. Their cgroups end with it as well. */
  readonly furtherContainers?: number
}

/** How the supervisor begins a line for the user. */
const NOTE = 'note '
/** Milliseconds. */
const START_LIMIT = 20_000
/** A supervisor that does not end is killed: the kernel ends the namespaces with it, the next start sweeps its cgroup. */
const END_LIMIT = 60_000

/**
 * Opens a private mount and PID namespace under a supervisor outside this process. Whatever happens to this process,
 * SIGKILL included, nothing of it stays: no mount, no process, no cgroup of its containers.
 */
export async function openSandbox(containerName: string, options: SandboxOptions = {}): Promise<Sandbox> {
  requireRoot()
  await checkContainerName(containerName)
  await mkdir(WORK, { recursive: true })
  const script = fileURLToPath(new URL(`supervisor${extname(import.meta.url)}`, import.meta.url))
  const supervisor = converseWithSurvivor({
    argv: [process.execPath, script, containerName, String(options.furtherContainers ?? 0), ...(options.ownNetwork ? ['own-network'] : [])], // prettier-ignore
    failed: FAILED,
    fix: FIX,
    timeout: END_LIMIT,
    env: { PATH: process.env['PATH'] ?? '', NODE_COMPILE_CACHE: COMPILE_CACHE },
  })
  let answer = await supervisor.ask('which init?', START_LIMIT)
  for (; answer.startsWith(NOTE); answer = await supervisor.ask('which init?', START_LIMIT))
    process.stderr.write(`▸ ${answer.slice(NOTE.length)}\n`)
  const init = Number(/^init (\d+)$/.exec(answer)?.[1])
  const isOpen = Number.isInteger(init)
  if (!isOpen || (await readlink(`/proc/${init}/root`)) !== '/') {
    await supervisor.close()
    throw isOpen || /root filesystem propagation/.test(answer) ? inChroot() : notOpened(answer)
  }
  const lost = async (): Promise<CriuBenchError | undefined> =>
    (await isExiting(init)) === false ? undefined : killed(containerName)
  return {
    containerName,
    init,
    namespacePrefix: enterCommand(init, options),
    root: `/proc/${init}/root`,
    lost,
    [Symbol.asyncDispose]: async () => {
      const left = (await supervisor.close()).find((line) => line.startsWith('left '))
      if (left !== undefined) throw notEnded(containerName, left)
    },
  }
}

const FAILED = 'cannot open private mount and PID namespaces'
const FIX = `run as root: ${AS_ROOT}; \`${ownCommand('doctor')}\` names what is missing`

/**
 * unshare(1) refuses a root that is no mount point. Elsewhere the kernel shows this process the paths of the new namespaces,
 * such as /dev/null, as seen from their root, which is not its own.
 */
const inChroot = (): CriuBenchError =>
  new CriuBenchError({
    failed: FAILED,
    found: 'a process whose root directory was entered by chroot',
    expected: 'the root directory of its mount namespace',
    fix: "enter it by pivot_root instead: unshare --mount sh -c 'mount --rbind ROOT ROOT && cd ROOT && mkdir -p .old && pivot_root . .old && umount --lazy .old && exec sh'",
  })

const notOpened = (answer: string): CriuBenchError =>
  new CriuBenchError({
    failed: FAILED,
    found: answer.replace(/^error /, ''),
    expected: 'root with CAP_SYS_ADMIN, and unshare, nsenter and setpriv of util-linux',
    fix: FIX,
  })

const killed = (containerName: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot go on with ${containerName}: its private namespaces are gone`,
    found: 'their supervisor, or their first process, was killed',
    expected: 'namespaces that last as long as this process needs them',
    fix: 'run again; to find what killed them, look for the OOM killer: dmesg | grep -i kill',
  })

const notEnded = (containerName: string, left: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot end all that ran for ${containerName}`,
    found: left.replace(/^left /, ''),
    expected: 'no process and no cgroup of it',
    fix: `look at what the processes wait for (/proc/PID/stack), then ${ownCommand('clean')}`,
  })
