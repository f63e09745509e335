import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { disturb } from '../calibration/disturbance.ts'
import { calibrateOnce, measureRun, type CalibrationRun } from '../calibration/measure.ts'
import { quickReport } from '../calibration/quick.ts'
import { calibrationReport, verdictOn } from '../calibration/report.ts'
import { replayReport } from '../calibration/replay-report.ts'
import type { Settings } from '../config/options.ts'
import { CriuBenchError } from '../errors.ts'
import { requireRoot } from '../host/root.ts'
import { DECIDING, resultsText, type Results } from '../../reports/results.ts'
import { readHistory } from '../results/read.ts'
import { writeTextFile } from '../results/write.ts'
import { parseSize } from '../units.ts'

export interface CalibrateOptions {
  readonly runs: number
  /** Memory sizes: "1MB,64MB". */
  readonly sizes: string
  /** Path of the report. */
  readonly out: string
  /** What this batch is for, in the report. */
  readonly batch: string
  /** Whether to add the batch to an existing report, instead of replacing the report. */
  readonly append?: true
  /** Whether to disturb the machine on purpose. */
  readonly disturb?: true
  /** Folder for the results of every run. */
  readonly keep?: string
  /** Minutes in which to tell what the gate sees on this machine, instead of a calibration. */
  readonly quick?: number
  /** Folder of recorded runs to judge instead of a measurement. */
  readonly recorded?: string
}

/** Calibrates the gate and writes the report. With `recorded` it only prints a replay, and writes nothing. */
export async function calibrate(options: CalibrateOptions, defaults: Settings): Promise<void> {
  if (options.recorded !== undefined) return console.log(await replayed(options.recorded, defaults))
  requireRoot()
  const settings = {
    ...defaults,
    sizes: options.sizes.split(',').map((size) => parseSize(size, 'size of calibrate --sizes')),
  }
  if (options.quick !== undefined) return console.log(await quick(options.quick, settings, options.keep))
  const started = performance.now()
  const runs: CalibrationRun[] = []
  for (let run = 0; run < options.runs; run++) {
    const done = await calibrateOnce(run, { settings, disturb: options.disturb && (() => disturb(run)) })
    runs.push(done)
    if (options.keep !== undefined) await keep(options.keep, run, done)
    console.error(`▸ run ${run + 1}/${options.runs}: ${summary(done)}`)
  }
  const report = calibrationReport({
    batch: options.batch,
    createdAt: new Date().toISOString(),
    minutes: (performance.now() - started) / 60_000,
    settings,
    disturbed: options.disturb ?? false,
    runs,
  })
  const earlier = options.append ? await readFile(options.out, 'utf8') : `${TITLE}\n`
  await writeTextFile(options.out, `${earlier}\n${report}`)
  console.log(`${report}\nwritten to ${options.out}`)
}

/** Runs of the same code for a quick look: as many as fit, but enough to compare. */
const FEWEST_RUNS = 3

async function quick(minutes: number, settings: Settings, folder?: string): Promise<string> {
  const started = performance.now()
  const elapsed = () => (performance.now() - started) / 60_000
  const runs: Results[] = []
  // Stops where one more run would probably take too long.
  while (runs.length < FEWEST_RUNS || elapsed() * (1 + 1 / runs.length) <= minutes) {
    const run = await measureRun(settings)
    if (folder !== undefined) await keepResults(folder, runs.length, 'run', run)
    runs.push(run)
    console.error(`▸ run ${runs.length}: ${elapsed().toFixed(1)} of ${minutes} minutes`)
  }
  return quickReport(runs, settings)
}

const TITLE = '# Calibration of the gate'

async function keep(folder: string, run: number, { before, now, delayed }: CalibrationRun): Promise<void> {
  await keepResults(folder, run, 'before', before)
  await keepResults(folder, run, 'now', now)
  for (const { level, results } of delayed) await keepResults(folder, run, `delay-${level * 100}`, results)
}

const keepResults = (folder: string, run: number, name: string, results: Results): Promise<void> =>
  writeTextFile(join(folder, `${String(run).padStart(3, '0')}-${name}.json`), resultsText(results))

function summary({ now, delayed }: CalibrationRun): string {
  const same = now.suites
    .flatMap(({ figures }) => figures.flatMap(({ phase, baseline }) => DECIDING.includes(phase) && baseline ? [baseline] : []))
    .map(({ verdict, ratio }) => `${verdict} ${ratio.toFixed(2)}`) // prettier-ignore
  const slower = delayed.map((each) => `+${each.level * 100} % ${verdictOn(each)}`)
  return `unchanged: ${same.join(', ')}; delay in the ${delayed[0]?.where}: ${slower.join(', ')}`
}

async function replayed(folder: string, settings: Settings): Promise<string> {
  const { runs, unreadable } = await readHistory(folder)
  if (runs.length > 1) return replayReport(runs, settings)
  const others = unreadable.length > 0 ? `, and ${unreadable.length} files that are no results` : ''
  throw new CriuBenchError({
    failed: `cannot judge the recorded runs in ${folder}`,
    found: `${runs.length} results.json${others}`,
    expected: 'at least two results.json of the same code on the same machine',
    fix: 'record runs: npm run calibrate -- --keep FOLDER, or copy results.json of several runs into the folder',
  })
}
