import { baselineTable, verdictLines } from '../../reports/verdicts.ts'
import { oneLine, withTexts } from '../../reports/text.ts'
import { tablesOf } from '../../reports/table.ts'
import type { Results, SuiteResults } from '../../reports/results.ts'
import { keyOf, rowsOf } from '../../reports/rows.ts'
import { compareResults } from '../gate/baseline.ts'
import { baselinePath, lostSuites, readBaseline } from '../gate/baseline-file.ts'
import { checkMachine } from '../gate/baseline-machine.ts'
import { comparisonOutcome, STATUS } from '../gate/outcome.ts'
import { projectSettings } from './project.ts'

interface Compared {
  readonly judged: Results
  readonly differences: ReturnType<typeof checkMachine>
  /** The suites that the later run lacks. */
  readonly lost: readonly SuiteResults[]
  readonly before: string
  readonly now: string
}

/**
 * Compares one run with an earlier one, by the options of this project. Returns the differences and the exit status. A
 * suspected change cannot be measured a second time here, so it counts as a change. A suite that the later run lacks is
 * inconclusive. Throws CriuBenchError.
 */
export async function compare(
  before: string,
  now: string,
  { json }: { readonly json: boolean },
): Promise<{ text: string; status: number }> {
  const settings = await projectSettings()
  const baseline = await readBaseline(baselinePath(settings.baselines, before))
  const { results } = await readBaseline(baselinePath(settings.baselines, now))
  const differences = checkMachine(baseline, results.fingerprint, settings.baselineMatch)
  const judged = compareResults(results, baseline, settings)
  const lost = lostSuites(baseline.results, results)
  const found = comparisonOutcome(judged)
  const outcome = found === 'pass' && lost.length > 0 ? 'inconclusive' : found
  const compared = { judged, differences, lost, before, now }
  return { text: json ? asJson(compared, outcome) : asText(compared), status: STATUS[outcome] }
}

function asText({ judged: original, differences, lost, before, now }: Compared): string {
  const judged = withTexts(original, oneLine)
  return [
    ...differences.map(({ field, before: then, now: here }) =>
      oneLine(`differs: ${field} ${then}, now ${here}`),
    ),
    ...tablesOf(judged).map(([title, suites]) => `${title}\n\n${baselineTable(judged, suites) ?? ''}\n`),
    ...verdictLines(judged),
    ...lost.map(
      ({ title, handler }) => `inconclusive: ${title} (${handler} handler): not in ${now}, but in ${before}`,
    ),
  ].join('\n')
}

const asJson = ({ judged, differences, lost }: Compared, outcome: string): string =>
  JSON.stringify(
    {
      outcome,
      differences,
      lost: lost.map(({ title, handler }) => ({ title, handler })),
      figures: rowsOf(judged).map((row) => ({
        name: keyOf(row),
        median: row.figure.median,
        baseline: row.figure.baseline,
      })),
    },
    undefined,
    2,
  )
