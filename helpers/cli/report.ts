import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { commentReport } from '../../reports/comment.ts'
import { REPORTS } from '../../reports/files.ts'
import type { Results } from '../../reports/results.ts'
import { CriuBenchError } from '../errors.ts'
import { ownCommand } from '../installation/own-command.ts'
import { readHistory, readResults } from '../results/read.ts'
import { writeReports, writeTextFile } from '../results/write.ts'
import { openPage } from './open-page.ts'
import { projectSettings } from './project.ts'

export interface ReportOptions {
  /** Folder of earlier results, which the page shows. Default: the baselines of this project. */
  readonly history?: string
  /** The folder to write to, whatever it contains. Default: that of the results, unless it has reports of another run. */
  readonly output?: string
  /** Whether to open the page in a browser. */
  readonly open?: boolean
}

/** Writes every report of a results.json again. Throws CriuBenchError. */
export async function report(
  given: string | undefined,
  { history, output, open }: ReportOptions,
): Promise<void> {
  const file = given ?? (await lastResults())
  const results = await readResults(file)
  if (output === undefined) await refuseOtherRun(file, results)
  const folder = output ?? dirname(file)
  const earlier = await readHistory(history ?? (await projectSettings()).baselines)
  const names = await writeReports(folder, results, earlier)
  if (resolve(folder) !== resolve(dirname(file))) await copyLogs(results, dirname(file), folder)
  console.log(`${folder}: ${names.join(', ')}`)
  if (open) await openPage(resolve(folder, 'results.html'))
}

/** Copies the logs of CRIU that the page links to, as far as they are beside the results. */
async function copyLogs({ suites }: Results, from: string, to: string): Promise<void> {
  for (const path of suites.flatMap(({ kept }) => (kept ? Object.values(kept) : []))) {
    const log = join(from, path)
    if (existsSync(log)) await writeTextFile(join(to, path), await readFile(log, 'utf8'))
  }
}

/** Writes the comment of a results.json to a file, or prints it. Throws CriuBenchError. */
export async function comment(
  given: string | undefined,
  { output }: { readonly output?: string },
): Promise<void> {
  const text = commentReport(await readResults(given ?? (await lastResults())))
  if (output === undefined) process.stdout.write(text)
  else await writeTextFile(output, text)
}

/** The results of this project's last run, relative to this folder. */
const lastResults = async (): Promise<string> =>
  join(relative(process.cwd(), (await projectSettings()).output), 'results.json')

/** Throws CriuBenchError if the folder of `file` has reports of another run. */
async function refuseOtherRun(file: string, { createdAt }: Results): Promise<void> {
  const folder = dirname(file)
  const existing = REPORTS.map(([name]) => name).find((name) => existsSync(join(folder, name)))
  if (existing === undefined) return
  // Results that cannot be read are those of an unknown run.
  const other = await readResults(join(folder, 'results.json')).catch(() => undefined)
  if (other?.createdAt === createdAt) return
  throw new CriuBenchError({
    failed: `cannot write the reports of ${file} to ${folder}`,
    found: `${existing} of ${other ? `another run, of ${other.createdAt}` : 'an unknown run'}`,
    expected: `no reports there but those of this run, of ${createdAt}`,
    fix: `name a folder, whose reports are replaced: ${ownCommand('report', file, '--output', 'FOLDER')}`,
  })
}
