import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { findCriu } from '../criu/binary.ts'

const run = promisify(execFile)

/**
 * Starts `command` in a new session with stdio on /dev/null, waits until it creates the file that $READY names, and
 * dumps it with its children into an existing folder. No process is left at the end.
 */
export async function dumpOf(command: string[], folder: string): Promise<void> {
  const [program = '', ...args] = command
  const readyFolder = await mkdtemp(join(tmpdir(), 'ready-'))
  const ready = join(readyFolder, 'ready')
  const env = { ...process.env, READY: ready }
  const child = spawn(program, args, { detached: true, stdio: 'ignore', cwd: '/', env })
  // A program that cannot be started is reported by untilReady.
  child.on('error', () => undefined)
  try {
    await untilReady(child, ready)
    const criu = await findCriu()
    await run(criu.path, dumpArguments(child, folder), { timeout: 30_000 })
  } finally {
    killGroup(child)
    await rm(readyFolder, { recursive: true })
  }
}

function dumpArguments(child: ChildProcess, folder: string): string[] {
  const target = ['dump', '-t', String(child.pid), '-D', folder]
  return [...target, '-v1', '--no-default-config', '--manage-cgroups=ignore', '--network-lock', 'skip']
}

async function untilReady(child: ChildProcess, ready: string): Promise<void> {
  for (const start = performance.now(); performance.now() - start < 10_000; await delay(5)) {
    const exists = await access(ready).then(
      () => true,
      () => false,
    )
    if (exists) return
    if (child.pid === undefined || child.exitCode !== null) break
  }
  throw new Error(`${child.spawnargs.join(' ')} did not create ${ready}`)
}

/** Kills the processes if the dump failed. A successful dump has already ended them. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  process.kill(-child.pid, 'SIGKILL')
}
