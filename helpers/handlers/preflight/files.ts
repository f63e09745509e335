import { describeBytes, MB } from '../../units.ts'
import { HANDLER_FOLDER } from '../handler.ts'
import type { Finding } from './finding.ts'
import type { OpenFile, Process } from './process.ts'

/** CRIU stores deleted files in its images up to this size (--ghost-limit). */
const GHOST_LIMIT = MB

/** Descriptors that the kernel does not pass to CRIU, or that CRIU cannot create again. */
const UNKNOWN: ReadonlyArray<readonly [RegExp, string, string]> = [
  [/^anon_inode:\[io_uring\]$/, 'an io_uring', 'withoutIoUring: true in defineHandler({ … })'],
  [/^anon_inode:\[perf_event\]$/, 'a performance counter', 'start it without a profiler'],
  [
    /^anon_inode:\[userfaultfd\]$/,
    'a userfaultfd',
    'start it without the library that handles its page faults',
  ],
  [/^anon_inode:bpf-/, 'a BPF object', 'start it without the library that loads BPF programs'],
]

const TERMINAL = /^\/dev\/(pts\/\d+|ptmx|tty\d*|console)$/
/** File systems that each container has of its own, without the machine's files. Shared memory is copied. */
const FRESH = /^\/(dev(?!\/shm\/)|run|sys)\//
/** The devices that a container has. */
const DEVICES = /^\/dev\/(null|zero|full|random|urandom|tty)$/

/** Open and mapped files that CRIU cannot dump, or that are missing in the container's root. */
export const fileFindings = (tree: readonly Process[]): Finding[] =>
  tree.flatMap((process) => [...filesOf(process).flatMap(fileFinding), ...terminalFinding(process)])

/** A process with another root directory sees only the mounts below it. That root is a finding of its own. */
const filesOf = ({ files, root }: Process): OpenFile[] =>
  files.map((file) => (root === '/' ? file : { ...file, isMounted: true }))

function fileFinding(file: OpenFile): Finding[] {
  const { user, target } = file
  const unknown = UNKNOWN.find(([pattern]) => pattern.test(target))
  if (unknown) return [{ what: `${user}: ${unknown[1]}`, fix: unknown[2] }]
  if (!target.startsWith('/') || target.startsWith('/memfd:')) return []
  const finding = pathFinding(file)
  return finding ? [{ what: `${user}: ${finding[0]}`, fix: finding[1] }] : []
}

function pathFinding(file: OpenFile): readonly [string, string] | undefined {
  const { target, deleted, size, isFifo, isDevice, isMounted } = file
  // Names of shared anonymous memory.
  if (deleted && (target === '/dev/zero' || target.startsWith('/SYSV'))) return undefined
  if (deleted) {
    if (size <= GHOST_LIMIT) return undefined
    return [`${target}, deleted, of ${describeBytes(size)}`, 'do not delete it, or close it before it is ready: CRIU dumps deleted files up to 1 MB'] // prettier-ignore
  }
  if (TERMINAL.test(target)) return [`the terminal ${target}`, 'start it with its input and output in files, as startHandler() does'] // prettier-ignore
  if (!isMounted) return [`${target}, from outside of its mount namespace`, 'open it after the start, and close what it inherits'] // prettier-ignore
  if (isDevice) return DEVICES.test(target) ? undefined : [`the device ${target}`, 'close it before it is ready: a container does not have that device'] // prettier-ignore
  if (FRESH.test(target)) return [`${target}, which a container will not have`, `keep it below its own folder, ${HANDLER_FOLDER}`] // prettier-ignore
  if (isFifo && !target.startsWith(`${HANDLER_FOLDER}/`)) return [`the FIFO ${target}, which a container will not have`, `keep it below its own folder, ${HANDLER_FOLDER}`] // prettier-ignore
  return undefined
}

/** A restored process does not get back the terminal that it was started from. */
const terminalFinding = ({ pid, terminal }: Process): Finding[] =>
  terminal === 0 ? [] : [{ what: `process ${pid}: a controlling terminal`, fix: 'start it in a session of its own (setsid)' }] // prettier-ignore
