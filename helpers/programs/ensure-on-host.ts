import { copyFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { hostPath, type Host } from '../host/host.ts'
import { CACHE } from '../installation/paths.ts'
import { isRemote } from '../process/remote.ts'
import { makeViaDraft } from './draft.ts'

/** Returns the path of a program on `host`. The program is copied to another machine first. */
export async function ensureProgramOnHost(host: Host, program: string): Promise<string> {
  if (!isRemote(host)) return program
  const there = join(CACHE, basename(program))
  const copy = hostPath(host, there)
  if (!existsSync(copy)) await makeViaDraft(copy, (draft) => copyFile(program, draft))
  return there
}
