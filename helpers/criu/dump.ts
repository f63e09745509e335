import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { hostPath, type Host } from '../host/host.ts'
import { WORK } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { MB, type Bytes, type Milliseconds } from '../units.ts'
import { dumpTotal, firstErrors, fixFor, readLog, type Fixes } from './log.ts'

export interface DumpRequest {
  /** Path of the criu on the host. */
  readonly criu: string
  readonly pid: number
  /** Folder for the images, made anew. */
  readonly images: string
  /** Bytes of memory the process has: bounds the time. */
  readonly size: Bytes
  /** Let the process run on, so that it can be dumped again. */
  readonly leaveRunning: boolean
}

export interface DumpResult {
  /** CRIU's own total, from its start to "Dumping finished successfully": the reference's dump cost. */
  readonly total: Milliseconds
  /** From spawn to exit, the entry into the host's namespaces included. */
  readonly wall: Milliseconds
}

/** At least 10 MB a second, on any filesystem. */
const dumpLimit = (size: Bytes): number => 30_000 + (size / (10 * MB)) * 1000

const LOG_FOLDER = join(WORK, 'dump')

/** Dumps one process tree of `host`. Throws CriuBenchError with the first error lines of CRIU's log. */
export async function dump(host: Host, request: DumpRequest): Promise<DumpResult> {
  for (const folder of [request.images, LOG_FOLDER]) {
    await rm(hostPath(host, folder), { recursive: true, force: true })
    await mkdir(hostPath(host, folder), { recursive: true })
  }
  const failed = `cannot dump process ${request.pid} to ${request.images}`
  const log = join(LOG_FOLDER, 'dump.log')
  const result = await run(host, {
    // prettier-ignore
    argv: [request.criu, 'dump', '--tree', String(request.pid), '--images-dir', request.images,
      // The log never goes to the filesystem under test: each line is a write of its own.
      '--work-dir', LOG_FOLDER, '--log-file', log, '-v3', '--no-default-config', '--manage-cgroups=ignore',
      '--network-lock', 'skip', ...(request.leaveRunning ? ['--leave-running'] : [])],
    failed,
    fix: 'look at the log above',
    timeout: dumpLimit(request.size),
    accept: [0, 1],
  })
  const text = await readLog(hostPath(host, log))
  const total = dumpTotal(text)
  if (result.exitCode === 0 && total !== undefined) return { total, wall: result.wall }
  const errors = firstErrors(text) || result.stderr
  throw new CriuBenchError({
    failed,
    found: 'that CRIU gave up',
    expected: '"Dumping finished successfully"',
    fix: fixFor(errors, FIXES),
    log: errors,
  })
}

/** Where CRIU keeps the statistics of the last dump of `host`. */
export const dumpStatsFile = (host: Host): string => hostPath(host, join(LOG_FOLDER, 'stats-dump'))

const FIXES: Fixes = [
  [/No space left|ENOSPC|Can't write/i, 'make room: the images need as much as the process has memory'],
  [/vdso/i, 'this CRIU does not know this kernel: unset BASE_IMAGE to have a newer one built'],
  // The kernel does not let an io_uring be handed over, which is how CRIU takes the files of a process.
  [
    /io_uring|send_fds failed/i,
    'the process has a file open that CRIU cannot dump, such as an io_uring: start it without',
  ],
  [/Can't lookup mount/i, 'the process has a file open from outside its mount namespace: close it'],
  [/No such process|not found|Can't open \/proc/i, 'the process ended: look at its own log'],
]
