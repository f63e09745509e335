import { Bench } from 'tinybench'
import type { BenchmarkProvider, BenchResult } from 'vitest'
import type { Subject } from '../gate/reference.ts'
import { statisticsOf } from '../stats/summary.ts'
import { forgetRun, isBody, runOf, type Body } from './suite-run.ts'

type Group = Parameters<BenchmarkProvider['run']>[0]
type Registration = Group['registrations'][number]

/** What the matcher needs to know of a result besides its statistics. */
declare module 'vitest' {
  interface BenchResult {
    /** The suite that a phase belongs to; missing on benchmarks that are not this plugin's. */
    criu?: Subject & { readonly phase: string }
  }
}

/**
 * The benchmark provider: gives each phase its own samples out of one run of the suite's body. Benchmarks with any
 * other function run on tinybench as they would without this plugin.
 */
const provider: BenchmarkProvider = {
  async run(group) {
    const results: BenchResult[] = []
    for (const registration of group.registrations) {
      const result = isBody(registration.fn)
        ? await phaseResult(group, registration.name, registration.fn)
        : await plainResult(group, registration)
      results.push(result)
    }
    return results
  },
}
export default provider

async function phaseResult({ test }: Group, phase: string, body: Body): Promise<BenchResult> {
  if ((test.result?.retryCount ?? 0) > 0) forgetRun(body)
  const { samples, record } = await runOf(body)
  if (test.suite) test.suite.meta.criu = record
  const own = samples.get(phase)
  if (!own) throw new Error(`no phase "${phase}": there are ${[...samples.keys()].join(', ')}`)
  const { filesystem, size, strategy, handler } = record
  const figure = record.figures.find((each) => each.phase === phase)
  if (figure) test.meta.criuPhase = { filesystem, size, strategy, handler, ...figure, samples: own }
  return { ...statisticsOf(phase, own), name: phase, criu: { filesystem, size, strategy, handler, phase } }
}

async function plainResult(
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
