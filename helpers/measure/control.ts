import { basename } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import type { Milliseconds } from '../units.ts'
import { compile } from '../programs/compile.ts'
import type { Host } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { ensureProgramOnHost } from '../programs/ensure-on-host.ts'
import { run } from '../process/process.ts'

/** The name of the control, with a hash of its content: times of different controls are not comparable. */
export const controlName = async (): Promise<string> => basename(await compile(fixture('programs/control.c')))

/**
 * Times the control on `host`: a fixed, unrelated workload. Machines drift by several percent within seconds, and by
 * more from day to day. A sample divided by the control before it is free of that drift. Throws CriuBenchError.
 */
export async function measureControl(host: Host): Promise<Milliseconds> {
  const failed = 'cannot measure the control'
  const fix = 'run as root with CAP_SYS_ADMIN, which new namespaces need'
  const program = await ensureProgramOnHost(host, await compile(fixture('programs/control.c')))
  const { stdout } = await run(host, { argv: [program], failed, fix, timeout: 10_000 })
  const nanoseconds = Number(stdout)
  if (nanoseconds > 0) return nanoseconds / 1e6
  throw new CriuBenchError({
    failed,
    found: `the output "${stdout}"`,
    expected: 'a number of nanoseconds',
    fix,
  })
}
