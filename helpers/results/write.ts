import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import writeFileAtomic from 'write-file-atomic'
import { resultsText, type Results } from '../../reports/results.ts'

/** Writes results.json alone, atomically, into a folder, which it makes: quick enough for every suite that ends. */
export async function writeResults(folder: string, results: Results): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFileAtomic(join(folder, 'results.json'), resultsText(results))
}
