import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { execa } from 'execa'
import { reasonOf } from '../../errors.ts'
import { parseResults } from '../../../reports/results.ts'
import { benchProject } from '../bench-project.ts'
import { PROJECT, start, VITEST, type Ended, type Running } from '../commands.ts'
import { temporaryFolder } from '../folders.ts'
import { holdsWithin } from '../../process/wait.ts'
import { describeBytes, KB, MB, type Bytes } from '../../units.ts'
import { expectNothingLeft } from '../leaks.ts'
import { Family } from './family.ts'
import type { Fault } from './faults.ts'
import type { Setting } from './setting.ts'
import { ITERATIONS, type Moment } from './moments.ts'

/** One run with one fault. */
export interface Cell {
  readonly fault: Fault
  /** Undefined if the whole run has the fault. */
  readonly moment: Moment | undefined
  readonly filesystem: string
}

export const titleOf = ({ fault, moment, filesystem }: Cell): string =>
  `${fault.name}, ${moment?.name ?? 'whole run'}, ${filesystem}`

const NAME = `vitest-criu-fault-${process.pid}`
/** Milliseconds for a run to end after its fault. The longest wait of the product itself is 60 s. */
const ENDS_WITHIN = 90_000
/** Milliseconds for memory to be freed after its mount has gone. */
const FREED_WITHIN = 10_000

/** Throws an error that says what has happened, if the cell did not hold. */
async function runCell(cell: Cell, isAlone: boolean): Promise<void> {
  const before = await filesInMemory()
  await expectNothingLeft(() => faulted(cell), { byHand: false })
  if (isAlone) await checkMemory(before)
}

async function faulted(cell: Cell): Promise<void> {
  await using undo = new AsyncDisposableStack()
  const output = undo.use(await temporaryFolder()).path
  const setting = (await cell.fault.setting?.(undo)) ?? {}
  const ipc = await openIpc(undo, join(output, 'ipc'))
  const wrapper = ['unshare', `--ipc=${ipc}`, '--', ...(setting.wrapper ?? [])]
  const project = setting.suite === undefined ? undefined : undo.use(await benchProject(setting.suite))
  const startRun = (): Running => startIn(project?.path ?? PROJECT, cell, output, { ...setting, wrapper })
  const family = new Family({ running: startRun(), name: NAME, again: () => startRun().ended, undo })
  undo.defer(() => endAll(family))
  await strike(family, cell)
  const ended = await endOf(family.running)
  await cell.fault.next?.()
  await checkIpc(ipc)
  await check(cell, ended, setting.environment?.['VITEST_CRIU_OUTPUT'] ?? output)
}

/** A file that holds the run's own IPC namespace: what is in the machine's could be anybody's. */
async function openIpc(undo: AsyncDisposableStack, file: string): Promise<string> {
  await writeFile(file, '')
  undo.defer(async () => void (await execa('umount', ['--quiet', '--all-targets', file], { reject: false })))
  return file
}

/** Shared memory, queues and semaphores of System V outlive their processes. */
async function checkIpc(file: string): Promise<void> {
  const lists = ['shm', 'msg', 'sem'].map((kind) => `/proc/sysvipc/${kind}`)
  const { stdout } = await execa('nsenter', [`--ipc=${file}`, 'cat', ...lists])
  const left = stdout.split('\n').filter((line) => !/^ +key /.test(line))
  if (left.length > 0) throw new Error(`System V objects are left: ${left.join('\n')}`)
}

/** The files of a run are in memory: with the 64MB of each process, nothing smaller than this can be left of it. */
const LEAST_LEFT = 32 * MB

/** Memory that holds files: of tmpfs, whether or not it is mounted anywhere, and shared memory. */
async function filesInMemory(): Promise<Bytes> {
  const info = await readFile('/proc/meminfo', 'utf8')
  return Number(/^Shmem:\s+(\d+) kB$/m.exec(info)?.[1]) * KB
}

async function checkMemory(before: Bytes): Promise<void> {
  const isFreed = async (): Promise<boolean> => (await filesInMemory()) - before < LEAST_LEFT
  if (await holdsWithin(isFreed, { limit: FREED_WITHIN, interval: 100 })) return
  throw new Error(
    `${describeBytes((await filesInMemory()) - before)} more than before are in use by files in memory`,
  )
}

function startIn(folder: string, { moment, filesystem }: Cell, output: string, setting: Setting): Running {
  const suite = setting.suite === undefined ? ['bench/restore.bench.ts'] : []
  const command = [process.execPath, VITEST, 'bench', '--run', ...suite]
  return start(
    [...(setting.wrapper ?? []), ...command],
    {
      CONTAINER_NAME: NAME,
      VITEST_CRIU_SIZES: '64MB',
      VITEST_CRIU_FILESYSTEMS: filesystem,
      // The restore that takes its time.
      VITEST_CRIU_STRATEGIES: 'eager',
      VITEST_CRIU_ITERATIONS: ITERATIONS,
      VITEST_CRIU_WARMUP: '0',
      // A busy machine is no fault.
      VITEST_CRIU_TOLERANCE: '100000',
      VITEST_CRIU_RATIOS:
        'dump=100000,lean container=100000,restore=100000,execution=100000,cold start=100000',
      VITEST_CRIU_OUTPUT: output,
      ...moment?.environment,
      ...setting.environment,
    },
    folder,
  )
}

async function strike(family: Family, { fault, moment }: Cell): Promise<void> {
  if (!moment) return
  await family.running.says(moment.line)
  if (moment.during) await family.find(moment.during)
  await fault.strike?.(family)
}

/** A run that does not end is a finding, too. */
async function endOf(running: Running): Promise<Ended> {
  const limit = new AbortController()
  // It only rejects when the run has ended.
  const late = delay(ENDS_WITHIN, undefined, { signal: limit.signal }).catch(() => undefined)
  const ended = await Promise.race([running.ended, late])
  limit.abort()
  if (ended) return ended
  throw new Error(`the run had not ended after ${ENDS_WITHIN / 1000} s`)
}

/** Whatever has failed, the run must not go on. */
async function endAll({ running }: Family): Promise<void> {
  try {
    process.kill(-running.group, 'SIGKILL')
  } catch {
    // The run has ended.
  }
  await running.ended
}

async function check({ fault }: Cell, ended: Ended, output: string): Promise<void> {
  const { status, stdout, stderr } = ended
  const file = join(output, 'results.json')
  const results = existsSync(file) ? parseResults(JSON.parse(await readFile(file, 'utf8'))) : undefined
  const isWhole = results?.incomplete === undefined && results?.suites.length === 1
  const text = `${stdout}${stderr}`
  if (results && results.incomplete === undefined && !isWhole)
    throw new Error('the results lack the suite and are not marked as incomplete')
  if (status === 0 && !isWhole) throw new Error('the run passed without whole results')
  if (fault.isHarmless && status !== 0) throw new Error(`the run failed with ${status}: ${lastLines(text)}`)
  if (fault.says && !fault.says.test(text)) throw new Error(`the run did not say so, but: ${lastLines(text)}`)
}

const lastLines = (text: string): string => text.trim().split('\n').slice(-12).join('\n')

/** Runs a cell; undefined if it held, or else what has happened. Memory in use counts if no other test runs. */
export async function outcomeOf(cell: Cell, isAlone: boolean): Promise<string | undefined> {
  try {
    await runCell(cell, isAlone)
    return undefined
  } catch (error) {
    return reasonOf(error)
  }
}
