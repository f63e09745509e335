import { copyFile, mkdir } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { seenFrom, type Host } from './host.ts'
import { CACHE } from './paths.ts'
import { isRemote } from './remote.ts'

/** The path of a program of this machine on `host`: another machine has it copied there first. */
export async function placed(host: Host, program: string): Promise<string> {
  if (!isRemote(host)) return program
  const there = join(CACHE, basename(program))
  const seen = seenFrom(host, there)
  if (!existsSync(seen)) {
    await mkdir(seenFrom(host, CACHE), { recursive: true })
    await copyFile(program, seen)
  }
  return there
}
