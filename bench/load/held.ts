/** Restored processes that are held alive, one after the other, and what they take of the memory. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { mean } from 'simple-statistics'
import { hostPath } from '../../helpers/host/host.ts'
import { fixture } from '../../helpers/installation/paths.ts'
import { availableMemory } from '../../helpers/machine/memory.ts'
import { converse } from '../../helpers/process/dialogue.ts'
import { compile } from '../../helpers/programs/compile.ts'
import { KB, type Bytes } from '../../helpers/units.ts'
import { checkReported, LIMIT, type Startable } from './startable.ts'

/** When to stop. */
export interface Limits {
  readonly processes: number
  /** Memory that they may have in use together. */
  readonly memory: Bytes
}

/** The processes that were held when a limit was reached. */
export interface Held {
  /** Duration of each start, ms, in their order. */
  readonly starts: readonly number[]
  /** By how much less memory the machine has available than before. */
  readonly inUse: Bytes
  /** Means of what the kernel accounts to each process. */
  readonly pss: Bytes
  readonly privateDirty: Bytes
}

/** Starts and holds processes until a limit, and ends them. `program` is what they run. Throws CriuBenchError. */
export async function hold(
  startable: Startable,
  program: string,
  { processes, memory }: Limits,
): Promise<Held> {
  const { name, sandbox, command, report = '' } = startable
  const before = await availableMemory()
  await using holding = converse(sandbox, {
    argv: [await compile(fixture('load/hold.c')), String(processes), report, ...command],
    failed: `cannot hold ${name}`,
    fix: 'free memory, or hold fewer',
    timeout: LIMIT,
  })
  const starts: number[] = []
  let inUse = 0
  while (starts.length < processes && inUse < memory) {
    const [started = '', ended = '', checksum] = (await holding.ask('next')).split(' ')
    checkReported(startable, checksum)
    starts.push(Number(BigInt(ended) - BigInt(started)) / 1e6)
    inUse = before - (await availableMemory())
  }
  return { starts, inUse, ...(await accountsOf(hostPath(sandbox, '/proc'), program)) }
}

/** The mean accounts of the processes that run `program`. */
async function accountsOf(proc: string, program: string): Promise<Pick<Held, 'pss' | 'privateDirty'>> {
  const accounts: string[] = []
  for (const pid of (await readdir(proc)).filter((name) => /^\d+$/.test(name))) {
    // A process may end meanwhile.
    const commandLine = await readFile(join(proc, pid, 'cmdline'), 'utf8').catch(() => '')
    if (commandLine.startsWith(`${program}\0`))
      accounts.push(await readFile(join(proc, pid, 'smaps_rollup'), 'utf8'))
  }
  const meanOf = (field: string): Bytes =>
    mean(accounts.map((account) => Number(new RegExp(`^${field}: +(\\d+)`, 'm').exec(account)?.[1]))) * KB
  return { pss: meanOf('Pss'), privateDirty: meanOf('Private_Dirty') }
}
