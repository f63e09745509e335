import { statfs, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { History } from '../../reports/history.ts'
import { resultsText, type Results } from '../../reports/results.ts'
import { CriuBenchError } from '../errors.ts'
import { makeViaDraft } from '../programs/draft.ts'
import { describeBytes } from '../units.ts'

/**
 * Writes a text file, atomically: it is written beside the old one and renamed. The folder is created if needed. Throws
 * CriuBenchError with the path and the room, and leaves the old file as it was. (The library write-file-atomic ignores short
 * writes: on a full disk it replaces the old file by a part of the new one.)
 */
export async function writeTextFile(path: string, text: string): Promise<void> {
  try {
    await makeViaDraft(path, (draft) => writeFile(draft, text, { flush: true }))
  } catch (cause) {
    const { bavail, bsize } = await statfs(dirname(path)).catch(() => ({ bavail: 0, bsize: 0 }))
    throw new CriuBenchError(
      {
        failed: `cannot write ${path}`,
        found: `${describeBytes(bavail * bsize)} free, and ${String(cause)}`,
        expected: `room for ${describeBytes(Buffer.byteLength(text))}, and the right to write there`,
        fix: 'free space on this disk, or choose another folder; an earlier file of this name is unchanged',
      },
      { cause },
    )
  }
}

/** Writes results.json alone: quick enough for every suite that ends. */
export const writeResults = (folder: string, results: Results): Promise<void> =>
  writeTextFile(join(folder, 'results.json'), resultsText(results))

/** Writes every report into a folder; returns their names. */
export async function writeReports(folder: string, results: Results, history: History): Promise<string[]> {
  // A dynamic import, because the charts' library takes 0.2 s to load, for which every worker would wait.
  const { REPORTS } = await import('../../reports/files.ts')
  for (const [name, render] of REPORTS) await writeTextFile(join(folder, name), render(results, history))
  return REPORTS.map(([name]) => name)
}
