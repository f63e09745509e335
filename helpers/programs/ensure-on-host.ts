import { copyFile, mkdir } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { hostPath, type Host } from '../host/host.ts'
import { CACHE } from '../installation/paths.ts'
import { isRemote } from '../process/remote.ts'

/** The path of a program of this machine on `host`: another machine has it copied there first. */
export async function ensureProgramOnHost(host: Host, program: string): Promise<string> {
  if (!isRemote(host)) return program
  const there = join(CACHE, basename(program))
  const seen = hostPath(host, there)
  if (!existsSync(seen)) {
    await mkdir(hostPath(host, CACHE), { recursive: true })
    await copyFile(program, seen)
  }
  return there
}
