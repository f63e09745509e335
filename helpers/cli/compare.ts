import { baselineTable, verdictLines } from '../../reports/verdicts.ts'
import { oneLine, withTexts } from '../../reports/text.ts'
import { tablesOf } from '../../reports/table.ts'
import { compareResults } from '../gate/baseline.ts'
import { baselinePath, lostSuites, readBaseline } from '../gate/baseline-file.ts'
import { checkMachine } from '../gate/baseline-machine.ts'
import type { Settings } from '../config/options.ts'
import { comparisonOutcome, STATUS } from '../gate/outcome.ts'

/**
 * Compares one run with an earlier one, prints the differences and returns the exit status. A suspected change cannot
 * be measured a second time here, so it counts as a change. A suite that the later run lacks is inconclusive. Throws
 * CriuBenchError.
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
  const lost = lostSuites(baseline.results, results)
  const lines = lost.map(
    ({ title, handler }) => `inconclusive: ${title} (${handler} handler): not in ${now}, but in ${before}`,
  )
  console.log([...verdictLines(judged), ...lines].join('\n'))
  const outcome = comparisonOutcome(judged)
  return STATUS[outcome === 'pass' && lost.length > 0 ? 'inconclusive' : outcome]
}
