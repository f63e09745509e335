import type { Host } from '../host/host.ts'
import { run } from '../process/process.ts'

/** What a host is, as far as it decides whether it can restore what another dumped. */
export interface Machine {
  readonly kernel: string
  readonly architecture: string
  readonly cpu: string
  /** What the CPU can do, by the names of /proc/cpuinfo. */
  readonly flags: readonly string[]
}

const SCRIPT = `uname -r; uname -m
sed -n "s/^model name.*: //p" /proc/cpuinfo | head -n 1
sed -n "s/^flags.*: //p" /proc/cpuinfo | head -n 1`

/** Throws CriuBenchError. */
export async function machineOf(host: Host): Promise<Machine> {
  const { stdout } = await run(host, {
    argv: ['sh', '-c', SCRIPT],
    failed: 'cannot look at the machine',
    fix: 'the host needs sh, coreutils and sed',
    timeout: 20_000,
  })
  const [kernel = '', architecture = '', cpu = '', flags = ''] = stdout.trim().split('\n')
  return { kernel, architecture, cpu: cpu || 'unknown', flags: flags.split(' ').filter(Boolean) }
}
