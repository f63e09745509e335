import { readFile } from 'node:fs/promises'
import { CriuBenchError } from '../errors.ts'
import { decodeImage } from './decode.ts'
import type { DumpStatsEntry, RestoreStatsEntry, StatsEntry } from './generated/criu_pb.ts'
import { entriesOf } from './image.ts'

/** CRIU's own measurements of a dump (stats-dump). */
export interface DumpStats {
  /** Time until all processes were stopped. */
  readonly freezingMicroseconds: number
  /** Time for which the processes were stopped. It includes memdump and memwrite. */
  readonly frozenMicroseconds: number
  readonly memdumpMicroseconds: number
  readonly memwriteMicroseconds: number
  readonly irmapResolveMicroseconds: number
  readonly pagesScanned: number
  readonly pagesSkippedParent: number
  readonly pagesWritten: number
  readonly pagesLazy: number
  readonly sharedPagesScanned: number
  readonly sharedPagesSkippedParent: number
  readonly sharedPagesWritten: number
}

/**
 * CRIU's own measurements of a restore (stats-restore). They exclude its start, kernel probing and the final resume.
 */
export interface RestoreStats {
  readonly forkingMicroseconds: number
  readonly restoreMicroseconds: number
  readonly pagesCompared: number
  readonly pagesSkippedCow: number
  readonly pagesRestored: number
}

/** Reads a stats-dump file. Throws a CriuBenchError if it is missing or invalid. */
export async function readDumpStats(file: string): Promise<DumpStats> {
  const { dump } = await readStats(file)
  if (!dump) throw noStats(file, 'no statistics of a dump in the file', 'a dump')
  return dumpStats(dump)
}

/** Reads a stats-restore file. Throws a CriuBenchError if it is missing or invalid. */
export async function readRestoreStats(file: string): Promise<RestoreStats> {
  const { restore } = await readStats(file)
  if (!restore) throw noStats(file, 'no statistics of a restore in the file', 'a restore')
  return restoreStats(restore)
}

async function readStats(file: string): Promise<StatsEntry> {
  const bytes = await readFile(file).catch((cause: Error) => {
    throw noStats(file, cause.message, 'a dump or a restore', cause)
  })
  const [entry] = entriesOf(decodeImage(bytes, file), 'STATS')
  if (!entry) throw noStats(file, 'a file without an entry', 'a dump or a restore')
  return entry
}

function dumpStats(entry: DumpStatsEntry): DumpStats {
  return {
    freezingMicroseconds: entry.freezingTime,
    frozenMicroseconds: entry.frozenTime,
    memdumpMicroseconds: entry.memdumpTime,
    memwriteMicroseconds: entry.memwriteTime,
    irmapResolveMicroseconds: entry.irmapResolve,
    pagesScanned: Number(entry.pagesScanned),
    pagesSkippedParent: Number(entry.pagesSkippedParent),
    pagesWritten: Number(entry.pagesWritten),
    pagesLazy: Number(entry.pagesLazy),
    sharedPagesScanned: Number(entry.shpagesScanned),
    sharedPagesSkippedParent: Number(entry.shpagesSkippedParent),
    sharedPagesWritten: Number(entry.shpagesWritten),
  }
}

function restoreStats(entry: RestoreStatsEntry): RestoreStats {
  return {
    forkingMicroseconds: entry.forkingTime,
    restoreMicroseconds: entry.restoreTime,
    pagesCompared: Number(entry.pagesCompared),
    pagesSkippedCow: Number(entry.pagesSkippedCow),
    pagesRestored: Number(entry.pagesRestored),
  }
}

function noStats(file: string, found: string, of: string, cause?: unknown): CriuBenchError {
  return new CriuBenchError(
    {
      failed: `cannot read the statistics of CRIU in ${file}`,
      found,
      expected: `statistics of ${of}`,
      fix: 'check the --work-dir of criu for the file, and the log of criu for errors',
    },
    { cause },
  )
}
