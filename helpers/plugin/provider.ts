import { Bench } from 'tinybench'
import type { BenchmarkProvider, BenchResult } from 'vitest'
import { samplesOf } from '../../reports/rows.ts'
import type { FigureResults, SuiteResults } from '../../reports/results.ts'
import type { CaseIdentity } from '../gate/reference.ts'
import { statisticsOf } from '../stats/summary.ts'
import { forgetResults, isSuiteRun, markFailed, resultsOf, type SuiteRun } from './suite-run.ts'

type Group = Parameters<BenchmarkProvider['run']>[0]
type Registration = Group['registrations'][number]

interface PhaseFigure extends CaseIdentity {
  /** The figure in the run's results, with its verdict. */
  readonly figure: FigureResults
}

/** The result of one phase of a suite. */
export interface CriuResult extends PhaseFigure {
  readonly title: string
  readonly phase: string
}

export interface PhaseMeta extends PhaseFigure {
  /** In ms. */
  readonly samples: readonly number[]
}

declare module 'vitest' {
  interface BenchResult {
    /** The phase of a suite. Missing for benchmarks of other functions. */
    criu?: CriuResult
  }
  interface TaskMeta {
    /** On a suite: its results, for the reporter. */
    criu?: SuiteResults
    /** On a suite: why it has no results. */
    criuError?: string
    /**
     * On the test of a phase: its figure and samples, for reporters that only see tests, such as vitest's JSON
     * reporter.
     */
    criuPhase?: PhaseMeta
  }
}

/**
 * The benchmark provider. The first phase of a suite measures the suite, and each phase gets its part of the samples. A
 * benchmark with any other function runs on tinybench, as without this plugin.
 */
const provider: BenchmarkProvider = {
  async run(group) {
    const results: BenchResult[] = []
    for (const registration of group.registrations) {
      const result = isSuiteRun(registration.fn)
        ? await phaseResult(group, registration.name, registration.fn)
        : await tinybenchResult(group, registration)
      results.push(result)
    }
    return results
  },
}
export default provider

async function phaseResult({ test }: Group, phase: string, run: SuiteRun): Promise<BenchResult> {
  if ((test.result?.retryCount ?? 0) > 0) forgetResults(run)
  const suite = await resultsOf(run).catch((error: unknown) => {
    if (test.suite) markFailed(test.suite, error)
    throw error
  })
  if (test.suite) {
    test.suite.meta.criu = suite
    // Of an attempt before this one.
    delete test.suite.meta.criuError
  }
  const figure = suite.figures.find((each) => each.phase === phase)
  if (!figure)
    throw new Error(`unknown phase "${phase}"; phases: ${suite.figures.map((each) => each.phase).join(', ')}`)
  const { title, filesystem, size, strategy, handler } = suite
  const subject = { filesystem, size, strategy, handler }
  const samples = samplesOf(suite, phase).map(({ duration }) => duration)
  // The same object as in the suite's results, so that a matcher which replaces the verdict changes both.
  test.meta.criuPhase = { ...subject, figure, samples }
  return { ...statisticsOf(phase, samples), name: phase, criu: { title, ...subject, phase, figure } }
}

async function tinybenchResult(
  { test, config, options }: Group,
  { name, fn, fnOpts }: Registration,
): Promise<BenchResult> {
  const bench = new Bench({ signal: test.context.signal, retainSamples: config.retainSamples, ...options })
  const [task] = await bench.add(name, fn, fnOpts).run()
  if (task?.result.state === 'completed') return { ...task.result, name }
  throw task?.result.state === 'errored'
    ? task.result.error
    : new Error(`benchmark "${name}" did not complete`)
}
