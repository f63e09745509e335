import { arch, cpus, release, totalmem } from 'node:os'
import { cgroupVersion } from '../cgroup/cgroups.ts'

/** What a machine is, as far as it decides what a figure means: figures of two fingerprints are not compared. */
export async function fingerprint() {
  return {
    kernel: release(),
    architecture: arch(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    memory: totalmem(),
    cgroup: await cgroupVersion(),
    node: process.version,
  }
}
