import { z } from 'zod'
import { CriuBenchError } from '../errors.ts'
import { removeCgroup } from '../cgroup/cgroups.ts'
import { ownCommand } from '../installation/own-command.ts'
import { compile } from '../programs/compile.ts'
import type { Host } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { ensureProgramOnHost } from '../programs/ensure-on-host.ts'
import { isRemote } from '../process/remote.ts'
import { run, type Finished } from '../process/process.ts'
import type { Bytes, Nanoseconds } from '../units.ts'

/** Status that the launcher keeps for its own failures, as container engines do. */
const LAUNCHER_FAILED = 125

export interface LaunchRequest {
  /** Name of the container: of its cgroup and its host name. */
  readonly name: string
  /** Its root directory, absolute, on the host. */
  readonly rootfs: string
  readonly command: readonly string[]
  /** Folders of the host that it sees: from, at. */
  readonly binds?: ReadonlyArray<readonly [string, string]>
  /** The same, read-only. */
  readonly readOnly?: ReadonlyArray<readonly [string, string]>
  /** A network namespace of its own, with its loopback up; the host's when left out. */
  readonly network?: boolean
  /** Variables of the command besides PATH and LANG. */
  readonly env?: Readonly<Record<string, string>>
  /** Milliseconds after which it is killed. */
  readonly timeout: number
  /** Between these addresses (hexadecimal) the processes map that file of the container in place of anonymous memory. */
  readonly guard?: { readonly start: string; readonly end: string; readonly file: string } | undefined
  /** Nanoseconds that the launcher keeps a processor busy first, and the command's process before it is the command. */
  readonly spin?: { readonly launcher?: number; readonly command?: number }
  /** Limits the container's memory; it gets no swap then. */
  readonly memoryLimit?: Bytes
}

/** Calls that discard memory, or grow it, as the launcher answered them in place of the kernel. */
export interface GuardReport {
  readonly notifications: number
  readonly zeroedBytes: number
  readonly refused: number
}

/** One container's life. Time points are CLOCK_REALTIME. */
export interface LaunchReport {
  /** The launcher's first act. */
  readonly containerStarted: Nanoseconds
  /** In the container, right before exec of the command. */
  readonly restoreStarted: Nanoseconds
  /** In the launcher: all processes are reaped and the cgroup is removed. */
  readonly containerGone: Nanoseconds
  /** Exit status of the command; 128 + signal when a signal ended it. */
  readonly status: number
  /** What the guard was asked for; null without one. */
  readonly guard: GuardReport | null
  readonly stdout: string
  readonly stderr: string
}

const nanoseconds = z.string().regex(/^\d+$/).transform(BigInt)
const Guard = z.object({ notifications: z.int(), zeroedBytes: z.int(), refused: z.int() })
const Report = z.object({
  version: z.literal(2),
  containerStarted: nanoseconds,
  restoreStarted: nanoseconds,
  containerGone: nanoseconds,
  status: z.int(),
  guard: Guard.nullable(),
})
const Failure = z.object({
  error: z.object({ step: z.string(), path: z.string().nullish(), message: z.string() }),
})

/** Runs one command in a lean container on `host`, to its end. Throws CriuBenchError when the container itself fails. */
export async function launch(host: Host, request: LaunchRequest): Promise<LaunchReport> {
  const failed = `cannot run ${request.command[0]} in the lean container "${request.name}" on ${request.rootfs}`
  const launcher = await ensureProgramOnHost(host, await compile(fixture('programs/lean-container')))
  const running = run(host, {
    argv: [launcher, ...options(request), request.name, request.rootfs, ...request.command],
    failed,
    fix: `the first error line of what ran in it says more; run the step by hand: ${ownCommand('restore')}`,
    timeout: request.timeout,
    accept: Array.from({ length: 256 }, (_, status) => status),
    report: true,
  })
  const finished = await running.catch(async (error: unknown) => {
    // A launcher that had to be killed could not remove its cgroup; its container died with it.
    await (isRemote(host) ? removeCgroupOf(host, request.name) : removeCgroup(request.name))
    throw error
  })
  return { ...readReport(finished, failed), stdout: finished.stdout, stderr: finished.stderr }
}

/** On another machine, which has killed what was in it. What cannot be removed is told by the next container. */
const removeCgroupOf = (host: Host, name: string) =>
  run(host, {
    argv: ['sh', '-c', 'find /sys/fs/cgroup -depth -type d -name "$1" -exec rmdir {} + || true', 'sh', name],
    failed: `cannot remove the cgroup ${name} there`,
    fix: 'look at the connection',
    timeout: 10_000,
  }).catch(() => undefined)

const options = ({
  binds = [],
  readOnly = [],
  env = {},
  memoryLimit,
  network,
  guard,
  spin = {},
}: LaunchRequest): string[] => [
  '--report',
  '3',
  ...binds.flatMap(([from, at]) => ['--bind', `${from}:${at}`]),
  ...readOnly.flatMap(([from, at]) => ['--bind-ro', `${from}:${at}`]),
  ...Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
  ...(network ? ['--network'] : []),
  ...(guard === undefined ? [] : ['--guard', `${guard.start}-${guard.end}:${guard.file}`]),
  ...(spin.launcher === undefined ? [] : ['--spin', String(spin.launcher)]),
  ...(spin.command === undefined ? [] : ['--spin-command', String(spin.command)]),
  ...(memoryLimit === undefined ? [] : ['--memory', String(memoryLimit)]),
]

function readReport(finished: Finished, failed: string): z.infer<typeof Report> {
  const line: unknown = finished.report === '' ? {} : JSON.parse(finished.report)
  const report = Report.safeParse(line)
  if (report.success && finished.exitCode !== LAUNCHER_FAILED) return report.data
  const failure = Failure.safeParse(line).data?.error
  throw new CriuBenchError({
    failed,
    found: failure
      ? [failure.step, failure.path, failure.message].filter(Boolean).join(': ')
      : 'no report of its time points',
    expected: 'a container that starts',
    fix: `\`${ownCommand('doctor')}\` checks what it needs of this machine`,
    log: finished.stderr,
  })
}
