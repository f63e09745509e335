import type { Host } from '../host/host.ts'
import { run } from '../process/process.ts'

/** The properties of a host that decide whether it can restore a dump of another one. */
export interface Machine {
  readonly kernel: string
  readonly architecture: string
  readonly cpu: string
  /** The CPU's features, as /proc/cpuinfo names them. */
  readonly flags: readonly string[]
}

const SCRIPT = `uname -r; uname -m
sed -n "s/^model name.*: //p" /proc/cpuinfo | head -n 1
sed -n "s/^flags.*: //p" /proc/cpuinfo | head -n 1`

/** Describes a host. Throws CriuBenchError. */
export async function machineOf(host: Host): Promise<Machine> {
  const { stdout } = await run(host, {
    argv: ['sh', '-c', SCRIPT],
    failed: 'cannot look at the machine',
    fix: 'install sh, coreutils and sed on the host',
    timeout: 20_000,
  })
  const [kernel = '', architecture = '', cpu = '', flags = ''] = stdout.trim().split('\n')
  return { kernel, architecture, cpu: cpu || 'unknown', flags: flags.split(' ').filter(Boolean) }
}
