import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { hostPath, type Host } from '../host/host.ts'
import { makeFolder } from '../host/folders.ts'
import { WORK } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { MB, type Bytes, type Milliseconds } from '../units.ts'
import { DUMP, dumpTotal, firstErrors, fixFor, readLog, stagesIn, type Fixes } from './log.ts'

export interface DumpRequest {
  /** The words that run CRIU on the host. */
  readonly criu: readonly string[]
  /** Arguments in addition to the usual ones. */
  readonly arguments?: readonly string[]
  readonly pid: number
  /** The folder for the images. It is deleted first. */
  readonly images: string
  /** Memory of the process, for the time limit. */
  readonly size: Bytes
  /** Whether it may have TCP connections, with both ends in the dump. */
  readonly connections?: boolean
  /** Whether the process keeps running, so that it can be dumped again. */
  readonly leaveRunning: boolean
}

export interface DumpResult {
  /** CRIU's own total, from its start to "Dumping finished successfully": the reference's dump cost. */
  readonly total: Milliseconds
  /** From spawn to exit, including the entry into the host's namespaces. */
  readonly wall: Milliseconds
  /** How long CRIU was in each stage, by its log. They add up to `total`. */
  readonly stages: Readonly<Record<string, Milliseconds>>
}

/** The time limit for a dump, ms: 30 s, and 1 s for each 10 MB. */
const dumpLimit = (size: Bytes): number => 30_000 + (size / (10 * MB)) * 1000

const LOG_FOLDER = join(WORK, 'dump')

/** Dumps one process tree on `host`. Throws CriuBenchError with the first error lines of CRIU's log. */
export async function dump(host: Host, request: DumpRequest): Promise<DumpResult> {
  for (const folder of [request.images, LOG_FOLDER]) {
    await rm(hostPath(host, folder), { recursive: true, force: true })
    await makeFolder(host, folder)
  }
  const failed = `cannot dump process ${request.pid} to ${request.images}`
  const log = join(LOG_FOLDER, 'dump.log')
  const result = await run(host, {
    // prettier-ignore
    argv: [...request.criu, 'dump', '--tree', String(request.pid), '--images-dir', request.images,
      // The log is not on the filesystem under test, because each line is a separate write.
      '--work-dir', LOG_FOLDER, '--log-file', log, '-v3', '--no-default-config', '--manage-cgroups=ignore',
      '--network-lock', 'skip', '--file-locks', ...(request.leaveRunning ? ['--leave-running'] : []),
      ...(request.connections ? ['--tcp-established'] : []),
      ...(request.arguments ?? [])],
    failed,
    fix: 'read the log below',
    timeout: dumpLimit(request.size),
    accept: [0, 1],
  })
  const text = await readLog(hostPath(host, log))
  const total = dumpTotal(text)
  if (result.exitCode === 0 && total !== undefined)
    return { total, wall: result.wall, stages: stagesIn(text, DUMP) }
  const errors = firstErrors(text) || result.stderr
  throw new CriuBenchError({
    failed,
    found: 'a dump that CRIU aborted',
    expected: `"Dumping finished successfully" in CRIU's log`,
    fix: fixFor(errors, FIXES),
    log: errors,
  })
}

/** Path of CRIU's statistics of the last dump on `host`. */
export const dumpStatsFile = (host: Host): string => hostPath(host, join(LOG_FOLDER, 'stats-dump'))

/** Fixes that the doctor names as well. */
export const WITHOUT_FILTER = 'in a container: run it privileged, or with --security-opt seccomp=unconfined'
export const WITH_SYS_RESOURCE = 'in a container: run it with --cap-add SYS_RESOURCE'

const FIXES: Fixes = [
  [/suspending seccomp failed/i, `run CRIU without a seccomp filter; ${WITHOUT_FILTER}`],
  [
    /Can't get rlimit/i,
    `dump a process of another user with CAP_SYS_RESOURCE, or run it as root; ${WITH_SYS_RESOURCE}`,
  ],
  [/No space left|ENOSPC|Can't write/i, 'free space: the images need as much as the process has memory'],
  [/vdso/i, 'set BASE_IMAGE=build to have a newer CRIU built: this one does not support the kernel'],
  // CRIU passes the open files of a process over a socket, which the kernel does not allow for an io_uring.
  [
    /io_uring|send_fds failed/i,
    'start the process without the open file that CRIU cannot dump, such as an io_uring',
  ],
  [/Can't lookup mount/i, 'close the file that the process has open from outside its mount namespace'],
  [/No such process|not found|Can't open \/proc/i, 'read the log of the process, which has ended'],
]
