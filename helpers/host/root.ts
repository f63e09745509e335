import { CriuBenchError } from '../errors.ts'
import { AS_ROOT } from '../installation/own-command.ts'

/** Throws CriuBenchError without root: mounts, namespaces, cgroups and CRIU need it, and each fails in its own way. */
export function requireRoot(): void {
  const uid = process.getuid?.()
  if (uid === 0) return
  throw new CriuBenchError({
    failed: 'cannot mount, dump or restore anything',
    found: `uid ${uid}`,
    expected: 'root (uid 0)',
    fix: AS_ROOT,
  })
}
