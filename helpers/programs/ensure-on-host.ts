import { copyFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { basename, join } from 'node:path'
import { hostPath, type Host } from '../host/host.ts'
import { CACHE } from '../installation/paths.ts'
import { isRemote } from '../process/remote.ts'
import { makeViaDraft } from './draft.ts'

/** The path on `host` of a program of this machine; copies the program there where the host is another machine. */
export async function ensureProgramOnHost(host: Host, program: string): Promise<string> {
  if (!isRemote(host)) return program
  const there = join(CACHE, basename(program))
  const seenFromHere = hostPath(host, there)
  if (!existsSync(seenFromHere)) await makeViaDraft(seenFromHere, (draft) => copyFile(program, draft))
  return there
}
