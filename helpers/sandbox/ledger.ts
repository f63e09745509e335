import { mkdir, readdir, readFile, readlink, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { removeCgroup } from '../cgroup/cgroups.ts'
import { isCgroupName } from '../config/names.ts'
import { LEDGERS } from '../installation/paths.ts'
import { startTimeOf } from '../proc/stat.ts'

/**
 * What a run owns that does not end with its namespaces: cgroups. An entry is written before its cgroup is made. The
 * supervisor reads it when the run ends; the next run does when the supervisor was killed as well.
 */
const Entry = z.strictObject({
  owner: z.strictObject({
    pid: z.int(),
    startTime: z.string(),
    /** The PID namespace in which `pid` is its pid: "pid:[4026531836]". */
    namespace: z.string(),
  }),
  cgroup: z.string().refine(isCgroupName, { error: 'not a name of one cgroup' }),
  /** How many further cgroups the run may have, named after the first: "NAME.0" and so on. */
  further: z.int().nonnegative().optional(),
})
export type LedgerEntry = z.infer<typeof Entry>

const fileOf = (pid: number): string => join(LEDGERS, `${pid}.json`)
const ownNamespace = (): Promise<string> => readlink('/proc/self/ns/pid')

/**
 * Records that the process `pid` owns the cgroup named `cgroup`, and `further` ones after it. Returns false when that
 * process is already gone.
 */
export async function record(pid: number, cgroup: string, further = 0): Promise<boolean> {
  const startTime = await startTimeOf(pid)
  if (startTime === undefined) return false
  const entry = Entry.parse({
    owner: { pid, startTime, namespace: await ownNamespace() },
    cgroup,
    ...(further > 0 && { further }),
  })
  await mkdir(LEDGERS, { recursive: true })
  // Renamed into place, so that a sweep never reads half an entry.
  const draft = `${fileOf(pid)}.draft`
  await writeFile(draft, JSON.stringify(entry))
  await rename(draft, fileOf(pid))
  return true
}

const namesOf = ({ cgroup, further = 0 }: LedgerEntry): string[] => [
  cgroup,
  ...Array.from({ length: further }, (_, number) => `${cgroup}.${number}`),
]

/** Removes what `pid` owned, then its entry. Returns the cgroups that cannot be removed; the entry stays with them. */
export async function settle(pid: number): Promise<string[]> {
  const entry = await read(fileOf(pid))
  if (!entry) return []
  const left: string[] = []
  // By their exact names: a cgroup whose name only begins with one is somebody else's.
  for (const name of namesOf(entry)) if (!(await removeCgroup(name))) left.push(name)
  if (left.length === 0) await rm(fileOf(pid), { force: true })
  return left
}

/** What a sweep did with each entry of the ledger. */
export interface Swept {
  /** The cgroups that were removed, each by the first name of its entry. */
  readonly removed: readonly string[]
  /** Files that could not be read, by their new names. */
  readonly setAside: readonly string[]
  /** Entries that stay, each with the reason. */
  readonly kept: ReadonlyArray<{ readonly file: string; readonly why: string }>
}

/** Settles the entries whose owner is dead. A dry run changes nothing and returns the same. */
export async function sweep({ dryRun = false }: { dryRun?: boolean } = {}): Promise<Swept> {
  const removed: string[] = []
  const setAside: string[] = []
  const kept: Array<{ file: string; why: string }> = []
  const names = await readdir(LEDGERS).catch(() => [])
  for (const file of names.filter((name) => name.endsWith('.json')).map((name) => join(LEDGERS, name))) {
    const entry = await read(file).catch(() => 'unreadable' as const)
    if (entry === undefined) continue
    if (entry === 'unreadable') {
      setAside.push(`${file}.unreadable`)
      if (!dryRun) await rename(file, `${file}.unreadable`)
      continue
    }
    const why = (await whyKept(entry)) ?? (dryRun ? undefined : whyLeft(await settle(entry.owner.pid)))
    if (why === undefined) removed.push(entry.cgroup)
    else kept.push({ file, why })
  }
  return { removed, setAside, kept }
}

/** Why an entry must stay; undefined when its owner is dead. */
async function whyKept({ owner }: LedgerEntry): Promise<string | undefined> {
  if (owner.namespace !== (await ownNamespace())) return 'its owner runs in another PID namespace'
  return (await startTimeOf(owner.pid)) === owner.startTime ? 'its owner is running' : undefined
}

const whyLeft = ([cgroup]: readonly string[]): string | undefined =>
  cgroup === undefined ? undefined : `its cgroup ${cgroup} cannot be removed`

async function read(file: string): Promise<LedgerEntry | undefined> {
  const content = await readFile(file, 'utf8').catch(() => undefined)
  return content === undefined ? undefined : Entry.parse(JSON.parse(content))
}
