import { basename } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { MB, type Bytes, type Milliseconds } from '../units.ts'
import { compile } from '../programs/compile.ts'
import type { Host } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { ensureProgramOnHost } from '../programs/ensure-on-host.ts'
import { run } from '../process/process.ts'

/** Fixed, unrelated workloads: starts of small processes, and work on memory. */
const starts = (): Promise<string> => compile(fixture('programs/control.c'))
const memory = (): Promise<string> => compile(fixture('programs/memory-control.c'))

/**
 * The largest buffer of the control for memory: far larger than any cache, so that more of it takes longer, but says
 * nothing more.
 */
const LARGEST = 64 * MB

const bufferFor = (size: Bytes): Bytes => Math.min(size, LARGEST)

/** The name of the control, with a hash of its content: times of different controls are not comparable. */
export const controlName = async (): Promise<string> => basename(await starts())

/** The name of the control for memory of a case of this size: its buffer is as large as the handler's memory. */
export const memoryControlName = async (size: Bytes): Promise<string> =>
  `${basename(await memory())} ${bufferFor(size)}`

/**
 * Times the control on `host`. Machines drift by several percent within seconds, and by more from day to day; the gate
 * removes as much of that from a row as the row follows its control. Throws CriuBenchError.
 */
export const measureControl = (host: Host): Promise<Milliseconds> =>
  measure(host, starts, [], 'run as root with CAP_SYS_ADMIN, which new namespaces need')

/** Times the control for memory on `host`, for a case of this size. Throws CriuBenchError. */
export const measureMemoryControl = (host: Host, size: Bytes): Promise<Milliseconds> =>
  measure(host, memory, [String(bufferFor(size))], 'free memory: twice the size of the case, or 128 MB')

async function measure(
  host: Host,
  compiled: () => Promise<string>,
  args: readonly string[],
  fix: string,
): Promise<Milliseconds> {
  const failed = 'cannot measure the control'
  const program = await ensureProgramOnHost(host, await compiled())
  const { stdout } = await run(host, { argv: [program, ...args], failed, fix, timeout: 10_000 })
  const nanoseconds = Number(stdout)
  if (nanoseconds > 0) return nanoseconds / 1e6
  throw new CriuBenchError({
    failed,
    found: `the output "${stdout}"`,
    expected: 'a number of nanoseconds',
    fix,
  })
}
