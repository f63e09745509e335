import { baselineTable, verdictLines } from '../../reports/verdicts.ts'
import { oneLine, withTexts } from '../../reports/text.ts'
import { tablesOf } from '../../reports/table.ts'
import { compareResults } from '../gate/baseline.ts'
import { baselinePath, readBaseline } from '../gate/baseline-file.ts'
import { checkMachine } from '../gate/baseline-machine.ts'
import type { Settings } from '../config/options.ts'
import { comparisonOutcome, STATUS } from '../gate/outcome.ts'

/**
 * Compares one run with an earlier one, prints the differences and returns the exit status. A suspected change cannot
 * be measured a second time here, so it counts as a change. Throws CriuBenchError.
 */
export async function compare(before: string, now: string, settings: Settings): Promise<number> {
  const baseline = await readBaseline(baselinePath(settings.baselines, before))
  const { results } = await readBaseline(baselinePath(settings.baselines, now))
  const differences = checkMachine(baseline, results.fingerprint, settings.baselineMatch)
  for (const { field, before: then, now: here } of differences)
    console.log(oneLine(`differs: ${field} ${then}, now ${here}`))
  const judged = withTexts(compareResults(results, baseline, settings), oneLine)
  for (const [title, suites] of tablesOf(judged))
    console.log(`${title}\n\n${baselineTable(judged, suites) ?? ''}\n`)
  console.log(verdictLines(judged).join('\n'))
  return STATUS[comparisonOutcome(judged)]
}
