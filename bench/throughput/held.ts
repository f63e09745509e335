/** Restored processes that are held alive, one after the other, and what they take of the memory. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostPath } from '../../helpers/host/host.ts'
import { fixture } from '../../helpers/installation/paths.ts'
import { availableMemory } from '../../helpers/machine/memory.ts'
import { converse } from '../../helpers/process/dialogue.ts'
import { compile } from '../../helpers/programs/compile.ts'
import { KB, type Bytes } from '../../helpers/units.ts'
import type { Starts } from './load.ts'

/** When to stop. */
export interface Limits {
  readonly processes: number
  /** Memory that they may have in use together. */
  readonly memory: Bytes
}

/** Processes at the limit. */
export interface Held {
  /** Duration of each start, ms, in their order. */
  readonly starts: readonly number[]
  /** By which the available memory of the machine is less than before. */
  readonly inUse: Bytes
  /** Mean of their own accounts. */
  readonly pss: Bytes
  readonly privateDirty: Bytes
}

const LIMIT = 120_000

/** Starts and holds processes until a limit, and ends them. `program` is what they run. Throws CriuBenchError. */
export async function hold(starts: Starts, program: string, { processes, memory }: Limits): Promise<Held> {
  const { sandbox, command, report = '', checksum } = starts
  const before = await availableMemory()
  await using holding = converse(sandbox, {
    argv: [await compile(fixture('load/hold.c')), String(processes), report, ...command],
    failed: `cannot hold ${starts.name}`,
    fix: 'free memory, or hold fewer',
    timeout: LIMIT,
  })
  const durations: number[] = []
  let inUse = 0
  while (durations.length < processes && inUse < memory) {
    const [started = 0, ended = 0, found] = (await holding.ask('next')).split(' ')
    if (found !== checksum) throw new Error(`${starts.name}: the checksum ${found} instead of ${checksum}`)
    durations.push(Number(BigInt(ended) - BigInt(started)) / 1e6)
    inUse = before - (await availableMemory())
  }
  return { starts: durations, inUse, ...(await accountsOf(hostPath(sandbox, '/proc'), program)) }
}

/** The mean accounts of the processes that run `program`. */
async function accountsOf(proc: string, program: string): Promise<Pick<Held, 'pss' | 'privateDirty'>> {
  const accounts: string[] = []
  for (const pid of (await readdir(proc)).filter((name) => /^\d+$/.test(name))) {
    const commandLine = await readFile(join(proc, pid, 'cmdline'), 'utf8').catch(() => '')
    if (commandLine.startsWith(`${program}\0`))
      accounts.push(await readFile(join(proc, pid, 'smaps_rollup'), 'utf8'))
  }
  const mean = (name: string): Bytes =>
    (accounts.reduce(
      (sum, account) => sum + Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(account)?.[1]),
      0,
    ) *
      KB) /
    accounts.length
  return { pss: mean('Pss'), privateDirty: mean('Private_Dirty') }
}
