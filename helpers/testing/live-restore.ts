import { open, readFile, type FileHandle } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readImageSet, liveProcesses } from '../images/index.ts'
import { explainMapped, type Area } from '../images/mapped/index.ts'
import { cgroupPaths } from '../cgroup/cgroups.ts'
import { hostPath } from '../host/host.ts'
import { startRestore, type Checkpoint, type RestoreSample } from '../restore/restore-run.ts'
import { IMAGES_FOLDER } from '../checkpoint/rootfs.ts'

/** A restored process tree that is stopped before its first instruction. */
export interface StoppedRestore {
  /** The handler folder. */
  readonly folder: string
  /** Maps the pid at the dump to the pid on this machine. */
  readonly pids: ReadonlyMap<number, number>
  /** Resumes the processes and waits for their end. */
  finish(): Promise<RestoreSample>
}

/** Restores a checkpoint and stops every process before its first instruction. */
export async function restoreAndHold(checkpoint: Checkpoint): Promise<StoppedRestore> {
  const { restorable } = checkpoint
  const command: typeof restorable.command = (...on) => [...restorable.command(...on), '--leave-stopped']
  const { folder, ended } = await startRestore({ ...checkpoint, restorable: { ...restorable, command } })
  const endedBefore = ended.then(() => {
    throw new Error('the restore ended before every process was stopped')
  })
  const pids = await Promise.race([untilStopped(checkpoint), endedBefore])
  return {
    folder,
    pids,
    finish: async () => {
      for (const pid of pids.values()) process.kill(pid, 'SIGCONT')
      return (await ended).sample
    },
  }
}

async function untilStopped({ host, rootfs, containerName }: Checkpoint): Promise<Map<number, number>> {
  const set = await readImageSet(hostPath(host, join(rootfs.path, IMAGES_FOLDER)))
  const wanted = liveProcesses(set).map(({ pid }) => pid)
  for (;;) {
    const pids = await membersOf(containerName)
    const stopped = await Promise.all(wanted.map((pid) => isStopped(pids.get(pid))))
    if (stopped.every(Boolean)) return new Map(wanted.map((pid) => [pid, pids.get(pid) ?? 0]))
    await delay(10)
  }
}

/** Maps pids in the container to pids on this machine. */
async function membersOf(containerName: string): Promise<Map<number, number>> {
  const members = new Map<number, number>()
  for (const path of await cgroupPaths(containerName)) {
    for (const pid of (await readFile(join(path, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean)) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
      const inside = /^NSpid:.*\t(\d+)$/m.exec(status)?.[1]
      if (inside) members.set(Number(inside), Number(pid))
    }
  }
  return members
}

/** Whether a process is stopped, and CRIU no longer traces it. */
async function isStopped(pid: number | undefined): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return /^State:\tT /m.test(status) && /^TracerPid:\t0$/m.test(status)
}

const CHUNK = 1024 * 1024

/**
 * Compares the memory of a restored process with the dump, byte by byte. Pages that are not in the dump must be zeros, or
 * what the program's file has. It compares the areas that the strategy `mapped` maps, whichever strategy restored them.
 * Returns the number of compared bytes and the addresses of pages that differ.
 */
export async function compareWithDump(
  { host, rootfs }: Checkpoint,
  stopped: StoppedRestore,
): Promise<{ bytes: number; different: string[] }> {
  const folder = hostPath(host, join(rootfs.path, IMAGES_FOLDER))
  const set = await readImageSet(folder)
  const different: string[] = []
  let bytes = 0
  for (const { pid, areas, pageSize, pagesFile } of explainMapped(set)) {
    await using memory = await open(`/proc/${stopped.pids.get(pid)}/mem`)
    await using pages = await open(join(folder, pagesFile))
    for (const area of areas.filter(({ decision }) => decision.mapped)) {
      const { vma, file } = area
      await using program = file && (await open(hostPath(host, join(rootfs.path, file.path))))
      for (let start = vma.start; start < vma.end; start += BigInt(CHUNK)) {
        const length = Number(vma.end - start < CHUNK ? vma.end - start : CHUNK)
        const expected = await dumpedBytes(area, { start, length }, pages, program)
        const actual = await readMemory(memory, Number(start), length)
        bytes += length
        for (const at of differentPages(actual, expected, pageSize))
          different.push(`${pid}:${(start + BigInt(at)).toString(16)}`)
      }
    }
  }
  return { bytes, different }
}

/** What the memory from `start` on was at the dump. */
async function dumpedBytes(
  { vma, runs, file }: Area,
  { start, length }: { start: bigint; length: number },
  pages: FileHandle,
  program: FileHandle | undefined,
): Promise<Buffer> {
  const bytes = Buffer.alloc(length)
  const end = start + BigInt(length)
  if (file) await program?.read(bytes, 0, length, Number(file.offset + (start - vma.start)))
  for (const run of runs) {
    const from = run.start > start ? run.start : start
    const to = run.start + run.length < end ? run.start + run.length : end
    if (from >= to || run.stored === undefined) continue
    await pages.read(bytes, Number(from - start), Number(to - from), Number(run.stored + (from - run.start)))
  }
  return bytes
}

/** The offsets of pages that differ. */
function differentPages(actual: Buffer, expected: Buffer, pageSize: number): number[] {
  const offsets = Array.from({ length: actual.length / pageSize }, (_, page) => page * pageSize)
  return offsets.filter((at) => {
    const [found, dumped] = [actual.subarray(at, at + pageSize), expected.subarray(at, at + pageSize)]
    return !found.equals(dumped) && !isOnAnotherCpu(found, dumped)
  })
}

/** The size and alignment of struct rseq in bytes, and the offsets of cpu_id_start, cpu_id, node_id and mm_cid. */
const RSEQ = { size: 32, numbers: [0, 4, 20, 24] }

/**
 * Whether two pages differ only in the fields of struct rseq. The kernel writes the number of the current processor
 * into the memory of a thread before the thread runs, see rseq(2).
 */
function isOnAnotherCpu(found: Buffer, dumped: Buffer): boolean {
  const words = Array.from({ length: found.length / 4 }, (_, word) => word * 4).filter(
    (at) => found.readUInt32LE(at) !== dumped.readUInt32LE(at),
  )
  const [area = 0] = words.map((at) => at - (at % RSEQ.size))
  return words.every(
    (at) =>
      RSEQ.numbers.includes(at - area) &&
      found.readUInt32LE(at) < cpus().length &&
      dumped.readUInt32LE(at) < cpus().length,
  )
}

/** Time limit for the arrival of a lazy page, in ms. */
const PAGE_TIMEOUT = 20_000

/**
 * Reads the memory of another process. The kernel does not wait for lazy pages that are still missing: it returns EIO
 * or fewer bytes. The read is then repeated.
 */
async function readMemory(memory: FileHandle, start: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const deadline = performance.now() + PAGE_TIMEOUT
  for (;;) {
    const error = await memory.read(buffer, 0, length, start).then(
      ({ bytesRead }) =>
        bytesRead === length ? undefined : new Error(`${bytesRead} of ${length} bytes read`),
      (cause: NodeJS.ErrnoException) => (cause.code === 'EIO' ? cause : Promise.reject(cause)),
    )
    if (!error) return buffer
    if (performance.now() > deadline) throw error
    await delay(5)
  }
}
