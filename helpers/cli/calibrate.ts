import { writeFile } from 'node:fs/promises'
import { readBaseline } from '../gate/baseline-file.ts'
import { calibrateOnce, type CalibrationPlan, type CalibrationRun } from '../calibration/measure.ts'
import { calibrationReport, simulatedTable } from '../calibration/report.ts'
import type { Settings } from '../config/options.ts'
import { normalizeByControl, sampledOf } from '../gate/sampled.ts'
import { fingerprint } from '../machine/fingerprint.ts'
import { measureNoise } from '../measure/noise.ts'
import { requireRoot } from '../host/root.ts'
import { parseSize } from '../units.ts'

export interface CalibrateOptions {
  readonly runs: number
  /** Memory sizes: "1MB,64MB". */
  readonly sizes: string
  /** Path of the report. */
  readonly out: string
  /** Path of a results.json to resample instead of a measurement. */
  readonly simulate?: string
}

/** Calibrates the gate and writes the report. With `simulate` it only prints a simulation, and writes nothing. */
export async function calibrate(options: CalibrateOptions, settings: Settings): Promise<void> {
  if (options.simulate !== undefined) return console.log(await simulated(options.simulate, settings))
  requireRoot()
  const plan = {
    sizes: options.sizes.split(',').map((size) => parseSize(size)),
    iterations: settings.iterations,
    time: settings.time,
    band: settings.band,
    floor: settings.floor,
    containerName: settings.containerName ?? `vitest-criu-${process.pid}`,
  }
  const noise = await measureNoise()
  const started = performance.now()
  const runs: CalibrationRun[] = []
  for (let run = 0; run < options.runs; run++) {
    const done = await calibrateOnce(run, plan)
    runs.push(done)
    console.error(`▸ run ${run + 1}/${options.runs}: ${summary(done)}`)
  }
  const report = calibrationReport({
    createdAt: new Date().toISOString(),
    fingerprint: await fingerprint(),
    noise,
    minutes: (performance.now() - started) / 60_000,
    plan,
    runs,
  })
  await writeFile(options.out, report)
  console.log(`${report}\nwritten to ${options.out}`)
}

function summary({ unchanged, delayed }: CalibrationRun): string {
  const same = unchanged.map(({ change }) => `${change.state} ${change.ratio.toFixed(2)}`)
  const slower = delayed.map(
    ({ level, change }) => `+${level * 100} % ${change.state} ${change.ratio.toFixed(2)}`,
  )
  return `unchanged: ${same.join(', ')}; delay in the ${delayed[0]?.where}: ${slower.join(', ')}`
}

async function simulated(path: string, settings: Settings): Promise<string> {
  const { results } = await readBaseline(path)
  const recorded = new Map(
    results.suites.map((suite) => [suite.title, normalizeByControl(sampledOf(suite, 'cold start'))]),
  )
  const plan: Omit<CalibrationPlan, 'sizes' | 'containerName'> = settings
  return `cold starts: 400 simulations each, with ${plan.iterations} samples a side\n\n${simulatedTable(plan, recorded)}`
}
