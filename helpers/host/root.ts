import { existsSync } from 'node:fs'
import { CriuBenchError } from '../errors.ts'
import { AS_ROOT } from '../installation/own-command.ts'

/** Why nothing can be mounted, dumped or restored on this machine, or undefined if it can. */
export function whyUnusable(): CriuBenchError | undefined {
  const facts = missingHere()
  return facts && new CriuBenchError({ failed: 'cannot mount, dump or restore anything', ...facts })
}

function missingHere(): { found: string; expected: string; fix: string } | undefined {
  if (process.platform !== 'linux')
    return { found: process.platform, expected: 'Linux', fix: 'run the benchmarks on a Linux machine' }
  if (!existsSync('/proc/self/stat'))
    return { found: 'no /proc', expected: 'the proc filesystem', fix: 'run: mount -t proc proc /proc' }
  const uid = process.getuid?.()
  return uid === 0 ? undefined : { found: `uid ${uid}`, expected: 'root (uid 0)', fix: AS_ROOT }
}

/** Throws CriuBenchError without root: mounts, namespaces, cgroups and CRIU need it, and each fails in its own way. */
export function requireRoot(): void {
  const unusable = whyUnusable()
  if (unusable) throw unusable
}
