import { CACHE, CLEANUP_HOOKS, WORK } from '../installation/paths.ts'

/** Command lines and scripts by which private namespaces are opened, entered and left, on this machine and on others. */

const tmpfs = (point: string, options: string): string => `mount -t tmpfs -o ${options} vitest-criu ${point}`

// CRIU keeps its kernel probe cache only on a tmpfs /run, and restores a process to the pid it had: pids start high
// enough that none is one of a container's own first processes. /dev/shm would be the machine's own, mounts private or not.
const SETUP = [
  tmpfs('/run', 'mode=755,size=64m'),
  tmpfs('/dev/shm', 'mode=1777'),
  'echo 1000 > /proc/sys/kernel/ns_last_pid',
]

/** The private folders on this machine; WORK exists. */
export const OWN_FOLDERS = [tmpfs(WORK, 'mode=755,size=256m')]

/** The private folders on another machine: all of /var/lib and /var/cache, so that not even an empty folder stays there. */
export const FOLDERS_THERE = [
  tmpfs('/var/lib', 'mode=755,size=256m'),
  tmpfs('/var/cache', 'mode=755,size=64m'),
  `mkdir ${WORK} ${CACHE}`,
]

// dash as PID 1 reaps orphans while it waits, which `sleep` alone would not. Nothing of this may start after the first
// handler: what does is one of its descendants.
const HOLD = ['sleep infinity & echo ready', 'wait']

export interface NamespaceOptions {
  /** A network namespace of its own as well, with nothing but a loopback. */
  readonly ownNetwork?: boolean | undefined
}

/**
 * The command that holds private namespaces open: it says "ready" when `folders` are mounted. Started as on
 * `localHost` it ends with the process that started it: setpriv's signal ends unshare, and unshare's ends the namespaces.
 */
export const holdCommand = (
  folders: readonly string[],
  { ownNetwork = false }: NamespaceOptions = {},
): string[] => {
  const network = ownNetwork ? ['ip link set lo up'] : []
  // prettier-ignore
  return ['unshare', '--mount', '--propagation', 'private', '--pid', '--fork',
    '--kill-child=SIGKILL', '--mount-proc', ...(ownNetwork ? ['--net'] : []), '--',
    'sh', '-ec', [...SETUP, ...folders, ...network, ...HOLD].join('\n')]
}

/** What a command line starts with to run in the namespaces of that init. */
export const enterCommand = (init: number, { ownNetwork = false }: NamespaceOptions = {}): string[] => {
  const network = ownNetwork ? ['--net'] : []
  // --root: where this runs in a chroot, the namespace's own root is another.
  return ['nsenter', '--target', String(init), '--mount', '--pid', ...network, '--root', '--']
}

/**
 * The script that runs the clean-up hooks in the namespaces, all at once: what a run that could not end by itself has left
 * to be done there. Each is killed after that many seconds: a server may be what has ended the run.
 */
export const cleanUpScript = (seconds: number): string =>
  `for hook in ${CLEANUP_HOOKS}/*; do [ ! -e "$hook" ] || timeout --signal=KILL ${seconds} sh "$hook" & done; wait`
