import { Bench } from 'tinybench'
import { inject, vi, type BenchmarkProvider, type BenchResult } from 'vitest'
import { samplesOf } from '../../reports/rows.ts'
import type { FigureResults, SuiteResults } from '../../reports/results.ts'
import type { CaseIdentity } from '../gate/reference.ts'
import { statisticsOf } from '../stats/summary.ts'
import { forgetResults, isSuiteRun, markFailed, resultsOf, type SuiteRun } from './suite-run.ts'

type BenchGroup = Parameters<BenchmarkProvider['run']>[0]

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
    /** On a suite: the title of its case. */
    criuCase?: string
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
 * The benchmark provider. The first phase of a suite measures the suite, and each phase gets its part of the samples.
 * Benchmarks with other functions run as without this plugin.
 */
const provider: BenchmarkProvider = {
  async run(group) {
    const phases = group.registrations.filter(({ fn }) => isSuiteRun(fn))
    const others = group.registrations.filter(({ fn }) => !isSuiteRun(fn))
    const results: BenchResult[] = []
    for (const { name, fn } of phases) if (isSuiteRun(fn)) results.push(await phaseResult(group, name, fn))
    if (others.length > 0)
      results.push(...(await (await usersProvider()).run({ ...group, registrations: others })))
    return results
  },
}
export default provider

/** The provider of the user's own configuration, or else one that does what vitest's own does. */
async function usersProvider(): Promise<BenchmarkProvider> {
  const path = inject('criuProvider')
  if (path === null) return { run: runOnTinybench }
  const { default: own } = await vi.importActual<{ default?: BenchmarkProvider }>(path)
  if (!own) throw new Error(`the benchmark provider ${path} has no default export`)
  return own
}

async function phaseResult({ test }: BenchGroup, phase: string, run: SuiteRun): Promise<BenchResult> {
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

let groups = 0

async function runOnTinybench({ test, config, options, registrations }: BenchGroup): Promise<BenchResult[]> {
  groups += 1
  const name = `${test.fullTestName} ${groups}`
  const bench = new Bench({
    signal: test.context.signal,
    name,
    retainSamples: config.retainSamples,
    ...options,
  })
  for (const { name: task, fn, fnOpts } of registrations) bench.add(task, fn, fnOpts)
  await bench.run()
  const errors = bench.tasks.flatMap(({ result }) => (result.state === 'errored' ? result.error : []))
  if (errors.length > 1) throw new AggregateError(errors, 'Some benchmarks failed')
  const [error] = errors
  if (error) throw error
  return bench.tasks.map(({ name: task, result }) => {
    if (result.state === 'completed') return { ...result, name: task }
    throw new Error(`benchmark "${task}" did not complete: ${result.state}`)
  })
}
