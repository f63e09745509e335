import { z } from 'zod'
import { CriuBenchError } from '../errors.ts'
import { REMOVE_CGROUP, removeCgroup } from '../cgroup/cgroups.ts'
import { ownCommand } from '../installation/own-command.ts'
import { compile } from '../programs/compile.ts'
import type { Host } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { ensureProgramOnHost } from '../programs/ensure-on-host.ts'
import { isRemote } from '../process/remote.ts'
import { run, type Finished } from '../process/process.ts'
import type { Bytes, Milliseconds, Nanoseconds } from '../units.ts'

export interface LaunchRequest {
  /** The name of the container, its cgroup and its host. */
  readonly name: string
  /** Absolute path of its root directory, on the host. */
  readonly rootfs: string
  readonly command: readonly string[]
  /** Paths to mount in the container: on the host, in the container. */
  readonly binds?: ReadonlyArray<readonly [string, string]>
  /** The same, mounted read-only. */
  readonly readOnly?: ReadonlyArray<readonly [string, string]>
  /** The same for folders: what the container writes there ends with it. */
  readonly layered?: ReadonlyArray<readonly [string, string]>
  /** Whether the rootfs is read-only, and not below a layer that takes what the container writes. Not with `layered`. */
  readonly readOnlyRoot?: boolean
  /** Whether it has its own network namespace, with the loopback up, and not the host's. */
  readonly network?: boolean
  /** Whether the command has only the capabilities that programs in containers need, and not all of root's. */
  readonly confined?: boolean
  /** Environment variables of the command, in addition to PATH and LANG. */
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds after which the container is killed. */
  readonly timeout: Milliseconds
  /** Kills the container. */
  readonly signal?: AbortSignal | undefined
  /** Memory that a file is mapped in instead of what it was at the dump. */
  readonly guard?: Guarded | undefined
  /** Injected delays, nanoseconds: in the launcher first of all, and in the command's process right before exec. */
  readonly spin?: { readonly launcher?: number; readonly command?: number }
  /** Limits the container's memory; it gets no swap then. */
  readonly memoryLimit?: Bytes
}

/** The processes map `file`, a path in the container, between these hexadecimal addresses. */
export interface Guarded {
  readonly start: string
  readonly end: string
  readonly file: string
  /** Offset in `file` from which on it has programs' own data and not anonymous memory, if it has any. */
  readonly dataOffset: Bytes | undefined
  /** Whether some of the memory has advice of madvise, which memory in its place has to get. */
  readonly advised: boolean
  /** Addresses between them where no process maps the file. */
  readonly gap?: { readonly start: string; readonly end: string } | undefined
}

const nanoseconds = z
  .string()
  .regex(/^\d+$/)
  .transform((text): Nanoseconds => BigInt(text))

/** Calls on guarded memory, which the launcher prepared or answered. */
const Guard = z.object({
  /** Calls that the filter passed to the launcher, CRIU's own included. */
  notifications: z.int(),
  /** Bytes that became anonymous memory because they were discarded. */
  discardedBytes: z.int(),
  /** Bytes that became anonymous memory with their contents. */
  keptBytes: z.int(),
  /** Bytes that were overwritten with zeros, where they could not become anonymous memory. */
  zeroedBytes: z.int(),
  refused: z.int(),
})
export type GuardReport = Readonly<z.infer<typeof Guard>>

/** What the launcher writes when the container is gone. Time points are CLOCK_REALTIME. */
const Report = z.object({
  version: z.literal(2),
  /** The launcher's first act. */
  containerStarted: nanoseconds,
  /** Its cgroup is made; the namespaces come next. */
  namespacesStarted: nanoseconds,
  /** In the container, with all its namespaces. */
  mountsStarted: nanoseconds,
  /** In the container, whose root has changed. */
  mountsEnded: nanoseconds,
  /** In the container, right before exec of the command: `criu restore`, or for a start from scratch the program. */
  restoreStarted: nanoseconds,
  /** Process 1 of the container has seen that the command is executed: late, if the machine was busy, or never. */
  commandExecuted: nanoseconds.nullable().transform((point) => point ?? undefined),
  /** In the launcher: all processes are reaped and the cgroup is removed. */
  containerGone: nanoseconds,
  /** From containerStarted to containerGone by CLOCK_MONOTONIC, which nobody can set. */
  monotonic: nanoseconds,
  /** Exit status of the command; 128 + signal when a signal ended it. */
  status: z.int(),
  /** Null without a guard. */
  guard: Guard.nullable(),
})

/** One container's life. */
export type LaunchReport = Readonly<z.infer<typeof Report>> & {
  readonly stdout: string
  readonly stderr: string
}

const Failure = z.object({
  error: z.object({ step: z.string(), path: z.string().nullish(), message: z.string() }),
})

/** Runs a command in a lean container on `host`, and waits for its end. Throws CriuBenchError if the container fails. */
export async function launch(host: Host, request: LaunchRequest): Promise<LaunchReport> {
  const failed = `cannot run ${request.command[0]} in the lean container "${request.name}" on ${request.rootfs}`
  const [launcher = '', ...words] = await launchCommand(host, request)
  const running = run(host, {
    argv: [launcher, '--report', '3', ...words],
    failed,
    fix: `read the first error line of the command; run the step by hand: ${ownCommand('restore')}`,
    timeout: request.timeout,
    signal: request.signal,
    accept: Array.from({ length: 256 }, (_, status) => status),
    report: true,
  })
  const finished = await running.catch(async (error: unknown) => {
    // A launcher that was killed did not remove its cgroup. Its container died with it.
    await (isRemote(host) ? removeCgroupOf(host, request.name) : removeCgroup(request.name))
    throw error
  })
  return { ...parseReport(finished, failed), stdout: finished.stdout, stderr: finished.stderr }
}

/** The command line that runs a command in a lean container on `host`, without a report. */
export async function launchCommand(host: Host, request: LaunchRequest): Promise<string[]> {
  const launcher = await ensureProgramOnHost(host, await compile(fixture('programs/lean-container')))
  return [launcher, ...options(request), '--', request.name, request.rootfs, ...request.command]
}

/** On another machine. Errors are ignored: the next container of that name reports a cgroup that is left. */
const removeCgroupOf = (host: Host, name: string) =>
  run(host, {
    argv: ['sh', '-c', `cgroup=$1; ${REMOVE_CGROUP}`, 'sh', name],
    failed: `cannot remove the cgroup ${name} on the other machine`,
    fix: 'check the connection to it',
    timeout: 10_000,
  }).catch(() => undefined)

const options = ({
  binds = [],
  readOnly = [],
  layered = [],
  readOnlyRoot,
  env = {},
  memoryLimit,
  network,
  confined,
  guard,
  spin = {},
}: LaunchRequest): string[] => [
  ...binds.flatMap(([from, at]) => ['--bind', `${from}:${at}`]),
  ...layered.flatMap(([from, at]) => ['--layer', `${from}:${at}`]),
  ...readOnly.flatMap(([from, at]) => ['--bind-ro', `${from}:${at}`]),
  ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
  ...(readOnlyRoot ? ['--read-only'] : []),
  ...(network ? ['--network'] : []),
  ...(confined ? ['--confined'] : []),
  ...(guard === undefined ? [] : ['--guard', `${guard.start}-${guard.end}:${guard.file}`]),
  ...(guard?.dataOffset === undefined ? [] : ['--guard-data', String(guard.dataOffset)]),
  ...(guard?.advised ? ['--guard-advised'] : []),
  ...(guard?.gap === undefined ? [] : ['--guard-gap', `${guard.gap.start}-${guard.gap.end}`]),
  ...(spin.launcher === undefined ? [] : ['--spin', String(spin.launcher)]),
  ...(spin.command === undefined ? [] : ['--spin-command', String(spin.command)]),
  ...(memoryLimit === undefined ? [] : ['--memory', String(memoryLimit)]),
]

function parseReport(finished: Finished, failed: string): z.infer<typeof Report> {
  const line: unknown = finished.report === '' ? {} : JSON.parse(finished.report)
  const report = Report.safeParse(line)
  if (report.success) return report.data
  const failure = Failure.safeParse(line).data?.error
  throw new CriuBenchError({
    failed,
    found: failure
      ? [failure.step, failure.path, failure.message].filter(Boolean).join(': ')
      : 'no report from the launcher',
    expected: 'a container that starts',
    fix: `run \`${ownCommand('doctor')}\`: it checks what a container needs`,
    log: finished.stderr,
  })
}
