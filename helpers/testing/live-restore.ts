import { open, readFile, type FileHandle } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { readImageSet, liveProcesses } from '../images/index.ts'
import { explainMapped } from '../images/mapped/index.ts'
import { cgroupPaths } from '../cgroup/cgroups.ts'
import { hostPath } from '../host/host.ts'
import { startRestore, type Checkpoint, type RestoreSample } from '../restore/restore-run.ts'
import { IMAGES_FOLDER } from '../checkpoint/rootfs.ts'

/** A restored tree that is stopped, exactly as it was dumped: not one instruction of its own has run. */
export interface Live {
  /** The handler's own files. */
  readonly folder: string
  /** Pid that a process had at the dump -> its pid on this machine. */
  readonly pids: ReadonlyMap<number, number>
  /** Lets it run, and waits for its end. */
  finish(): Promise<RestoreSample>
}

/** Restores, and waits until every process of the dump is back and stopped. */
export async function restoreAndHold(checkpoint: Checkpoint): Promise<Live> {
  const { restorable } = checkpoint
  const command: typeof restorable.command = (...on) => [...restorable.command(...on), '--leave-stopped']
  const { folder, ended } = await startRestore({ ...checkpoint, restorable: { ...restorable, command } })
  const endedBefore = ended.then(() => {
    throw new Error('it ended by itself')
  })
  const pids = await Promise.race([untilBack(checkpoint), endedBefore])
  return {
    folder,
    pids,
    finish: async () => {
      for (const pid of pids.values()) process.kill(pid, 'SIGCONT')
      return (await ended).sample
    },
  }
}

async function untilBack({ host, rootfs, containerName }: Checkpoint): Promise<Map<number, number>> {
  const set = await readImageSet(hostPath(host, join(rootfs.path, IMAGES_FOLDER)))
  const wanted = liveProcesses(set).map(({ pid }) => pid)
  for (;;) {
    const pids = await membersOf(containerName)
    const back = await Promise.all(wanted.map((pid) => isLetGo(pids.get(pid))))
    if (back.every(Boolean)) return new Map(wanted.map((pid) => [pid, pids.get(pid) ?? 0]))
    await delay(10)
  }
}

/** Processes of the container, by their pid inside. */
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

/** Stopped, and not traced by CRIU any more. */
async function isLetGo(pid: number | undefined): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return /^State:\tT /m.test(status) && /^TracerPid:\t0$/m.test(status)
}

const CHUNK = 1024 * 1024

/**
 * Compares every byte of the memory that `mapped` maps (whatever the strategy that restored it) with the dump, holes
 * with zeros; returns the addresses of pages that differ and how many bytes were compared.
 */
export async function compareWithDump(
  { host, rootfs }: Checkpoint,
  live: Live,
): Promise<{ bytes: number; different: string[] }> {
  const folder = hostPath(host, join(rootfs.path, IMAGES_FOLDER))
  const set = await readImageSet(folder)
  const different: string[] = []
  let bytes = 0
  for (const { pid, areas, pageSize, pagesFile } of explainMapped(set)) {
    await using memory = await open(`/proc/${live.pids.get(pid)}/mem`)
    await using pages = await open(join(folder, pagesFile))
    for (const { vma, runs } of areas.filter(({ decision }) => decision.mapped)) {
      for (let start = vma.start; start < vma.end; start += BigInt(CHUNK)) {
        const length = Number(vma.end - start < CHUNK ? vma.end - start : CHUNK)
        const expected = Buffer.alloc(length)
        for (const run of runs) {
          const from = run.start > start ? run.start : start
          const to =
            run.start + run.length < start + BigInt(length) ? run.start + run.length : start + BigInt(length)
          if (from >= to || run.stored === undefined) continue
          await pages.read(
            expected,
            Number(from - start),
            Number(to - from),
            Number(run.stored + (from - run.start)),
          )
        }
        const actual = await readMemory(memory, Number(start), length)
        bytes += length
        for (let at = 0; at < length; at += pageSize) {
          const [found, dumped] = [actual, expected].map((bytesOf) => bytesOf.subarray(at, at + pageSize))
          if (found && dumped && !found.equals(dumped) && !isOnAnotherCpu(found, dumped)) {
            different.push(`${pid}:${(start + BigInt(at)).toString(16)}`)
          }
        }
      }
    }
  }
  return { bytes, different }
}

/** Of struct rseq, 32 bytes on a border of 32: cpu_id_start, cpu_id, node_id and mm_cid. */
const RSEQ = { size: 32, numbers: [0, 4, 20, 24] }

/**
 * Whether two pages differ in nothing but what the kernel itself writes into a thread's memory, before the first of its
 * own instructions: the number of the processor that it runs on (rseq(2)).
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

/** How long a page of a lazily restored process may take to come in, ms. */
const PATIENCE = 20_000

/**
 * Reads another process' memory. The kernel does not wait where a lazy page is still on its way: it answers EIO, or with
 * less than was asked for.
 */
async function readMemory(memory: FileHandle, start: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const deadline = performance.now() + PATIENCE
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
