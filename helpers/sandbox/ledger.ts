import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { cgroupFamily, removeCgroup } from '../cgroup/cgroups.ts'
import { LEDGERS } from '../installation/paths.ts'
import { startTimeOf } from '../proc/stat.ts'

/**
 * What a run owns that does not end with its namespaces: cgroups. An entry is written before its cgroup is made. The
 * supervisor reads it when the run ends; the next run does when the supervisor was killed as well.
 */
const Entry = z.strictObject({
  owner: z.strictObject({ pid: z.int(), startTime: z.string() }),
  cgroup: z.string(),
})
export type LedgerEntry = z.infer<typeof Entry>

const fileOf = (pid: number): string => join(LEDGERS, `${pid}.json`)

/** Records that the process `pid` owns the cgroup name `cgroup`; false when that process is already gone. */
export async function record(pid: number, cgroup: string): Promise<boolean> {
  const startTime = await startTimeOf(pid)
  if (startTime === undefined) return false
  const entry: LedgerEntry = { owner: { pid, startTime }, cgroup }
  await mkdir(LEDGERS, { recursive: true })
  // Renamed into place, so that a sweep never reads half an entry.
  const draft = `${fileOf(pid)}.draft`
  await writeFile(draft, JSON.stringify(entry))
  await rename(draft, fileOf(pid))
  return true
}

/** Removes what `pid` owned, then its entry. When something cannot be removed, returns false and keeps the entry. */
export async function settle(pid: number): Promise<boolean> {
  const entry = await read(fileOf(pid))
  if (!entry) return true
  let isGone = true
  for (const cgroup of await cgroupFamily(entry.cgroup)) isGone = (await removeCgroup(cgroup)) && isGone
  if (isGone) await rm(fileOf(pid), { force: true })
  return isGone
}

/** Settles the entries whose owner is dead. Returns the names of the removed cgroups. */
export async function sweep(): Promise<string[]> {
  const swept: string[] = []
  for (const name of await readdir(LEDGERS).catch(() => [])) {
    if (!name.endsWith('.json')) continue
    const entry = await read(join(LEDGERS, name))
    if (!entry || (await startTimeOf(entry.owner.pid)) === entry.owner.startTime) continue
    if (await settle(entry.owner.pid)) swept.push(entry.cgroup)
  }
  return swept
}

async function read(file: string): Promise<LedgerEntry | undefined> {
  const content = await readFile(file, 'utf8').catch(() => undefined)
  return content === undefined ? undefined : Entry.parse(JSON.parse(content))
}
