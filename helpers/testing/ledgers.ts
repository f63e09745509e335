import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LEDGERS } from '../installation/paths.ts'

/** The supervisor of the sandbox whose containers' names start with that CONTAINER_NAME. */
export async function supervisorOf(name: string): Promise<number> {
  for (const file of await readdir(LEDGERS)) {
    const content = await readFile(join(LEDGERS, file), 'utf8').catch(() => '')
    if (content.includes(`"${name}-`)) return Number.parseInt(file, 10)
  }
  throw new Error(`no ledger of ${name}`)
}
