import { arch, cpus, release, totalmem } from 'node:os'
import { cgroupVersion } from '../cgroup/cgroups.ts'

/** The properties of a machine that its figures depend on: figures with different fingerprints are not compared. */
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
