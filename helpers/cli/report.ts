import { dirname } from 'node:path'
import { readHistory, readResults } from '../results/read.ts'
import { writeReports } from '../results/write.ts'

/** Writes every report of a results.json again, into its folder. The page shows the history in `historyFolder`. */
export async function report(file: string, historyFolder: string): Promise<void> {
  const results = await readResults(file)
  const folder = dirname(file)
  const names = await writeReports(folder, results, await readHistory(historyFolder))
  console.log(`${folder}: ${names.join(', ')}`)
}
