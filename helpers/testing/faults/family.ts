import { readdir, readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { LEDGERS } from '../../installation/paths.ts'
import { readStat } from '../../proc/stat.ts'
import { holdsWithin } from '../../process/wait.ts'
import type { Ended, Running } from '../commands.ts'
import type { Target } from './moments.ts'

/** Milliseconds for a process to appear. */
const APPEARS_WITHIN = 20_000

/** The names of the processes that live for one dump or sample only. */
const NAMES = { launcher: /^lean-container/, criu: /^criu$/, handler: /^python3$/ } as const

/** The processes of one run of vitest: all that descends from it or its supervisor, and nothing else. */
export class Family {
  readonly running: Running
  /** Runs the same command once more. */
  readonly again: () => Promise<Ended>
  /** Disposed of after the run. */
  readonly undo: AsyncDisposableStack
  /** How the name of the run's containers starts. */
  readonly #name: string

  constructor({ running, name, again, undo }: Pick<Family, 'running' | 'again' | 'undo'> & { name: string }) {
    this.running = running
    this.again = again
    this.undo = undo
    this.#name = name
  }

  /** Waits for a process, and returns it. A group is a negative number, as kill(2) takes it. */
  async find(target: Target): Promise<number> {
    let found: number | undefined
    const over = new AbortController()
    void this.running.ended.then(() => over.abort())
    const isThere = async (): Promise<boolean> =>
      over.signal.aborted || (found = await this.#look(target)) !== undefined
    await holdsWithin(isThere, { limit: APPEARS_WITHIN, interval: 1 })
    if (found === undefined) throw new Error(`there was no ${target} before the run ended, or within ${APPEARS_WITHIN / 1000} s`) // prettier-ignore
    return found
  }

  #look(target: Target): Promise<number | undefined> | number {
    const { group } = this.running
    if (target === 'main') return group
    if (target === 'group') return -group
    if (target === 'supervisor') return this.#supervisor()
    return target === 'worker' ? this.#worker() : this.#named(NAMES[target])
  }

  /** The pid of the init of the run's private namespaces, once there is one: of unshare's child. */
  async init(): Promise<number> {
    const [holder] = await childrenOf(await this.find('supervisor'))
    for (;;) {
      const [init] = holder === undefined ? [] : await childrenOf(holder)
      if (init !== undefined) return init
      await delay(5)
    }
  }

  /** All processes of the container that runs now. */
  async container(): Promise<number[]> {
    const members: number[] = []
    for (let generation = [await this.find('launcher')]; generation.length > 0;) {
      generation = (await Promise.all(generation.map(childrenOf))).flat()
      members.push(...generation)
    }
    return members
  }

  async #supervisor(): Promise<number | undefined> {
    for (const file of await readdir(LEDGERS).catch(() => [])) {
      const content = await readFile(`${LEDGERS}/${file}`, 'utf8').catch(() => '')
      if (file.endsWith('.json') && content.includes(`"${this.#name}-`)) return Number.parseInt(file, 10)
    }
    return undefined
  }

  /** The worker is a child that has vitest's process group; the programs that it runs have groups of their own. */
  async #worker(): Promise<number | undefined> {
    const { group } = this.running
    for (const pid of await childrenOf(group)) if ((await readStat(pid))?.processGroup === group) return pid
    return undefined
  }

  async #named(name: RegExp): Promise<number | undefined> {
    const roots = [this.running.group, await this.#supervisor()].filter((pid) => pid !== undefined)
    for (let generation: number[] = roots; generation.length > 0;) {
      for (const pid of generation) if (name.test((await readStat(pid))?.name ?? '')) return pid
      generation = (await Promise.all(generation.map(childrenOf))).flat()
    }
    return undefined
  }
}

/** The children of all threads of a process. */
async function childrenOf(pid: number): Promise<number[]> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => [])
  const lists = await Promise.all(
    threads.map((thread) => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8').catch(() => '')),
  )
  return lists.flatMap((list) => list.split(' ').filter(Boolean).map(Number))
}
