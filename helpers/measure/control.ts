import { basename } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import type { Milliseconds } from '../units.ts'
import { compile } from '../programs/compile.ts'
import type { Host } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { ensureProgramOnHost } from '../programs/ensure-on-host.ts'
import { run } from '../process/process.ts'

/** The control by its content: times of two that differ are not comparable. */
export const controlName = async (): Promise<string> => basename(await compile(fixture('programs/control.c')))

/**
 * How long `host` takes, just now, for a fixed piece of work that has nothing of what is measured in it. Machines drift
 * by several percent within seconds, and from day to day by more: a sample over the control beside it tells what was
 * measured from what the machine did.
 */
export async function measureControl(host: Host): Promise<Milliseconds> {
  const failed = 'cannot measure how fast the machine is'
  const fix = 'run as root, where namespaces can be made'
  const program = await ensureProgramOnHost(host, await compile(fixture('programs/control.c')))
  const { stdout } = await run(host, { argv: [program], failed, fix, timeout: 10_000 })
  const nanoseconds = Number(stdout)
  if (nanoseconds > 0) return nanoseconds / 1e6
  throw new CriuBenchError({ failed, found: stdout, expected: 'nanoseconds', fix })
}
