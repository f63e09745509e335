import { readFileSync } from 'node:fs'
import { parseResults, Results, type FigureResults } from './results.ts'

/**
 * A recorded run of two sizes, three strategies and two filesystems. To record a new one:
 * VITEST_CRIU_SIZES=1MB,16MB VITEST_CRIU_ITERATIONS=5 VITEST_CRIU_FILESYSTEMS=tmpfs,ceph
 * VITEST_CRIU_STRATEGIES=mapped,lazy,eager npx vitest bench --run bench/restore, then
 * cp reports/out/results.json reports/recorded.json.
 */
export const recorded: Results = parseResults(
  JSON.parse(readFileSync(new URL('./recorded.json', import.meta.url), 'utf8')),
)

/** The recorded run with every verdict that a report can show. */
export const judged: Results = Results.parse({
  ...recorded,
  baseline: { name: 'main', createdAt: '2026-01-02T03:04:05.678Z' },
  noise: {
    load: 1.5,
    governor: 'powersave',
    swapUsed: 2 ** 20,
    steal: 4.2,
    virtualisation: 'kvm',
    advice: ['set the governor to performance: cpupower frequency-set -g performance'],
  },
  suites: recorded.suites.map((suite, index) => ({
    ...suite,
    figures: suite.figures.map((figure, position) => ({ ...figure, ...judgement(figure, index + position) })),
    ...(index === 0 && { again: { dumps: suite.dumps, samples: suite.samples } }),
    samples: suite.samples.map((sample, position) =>
      position === 0 ? { ...sample, noise: ['steal 4 %'] } : sample,
    ),
  })),
})

function judgement({ median, n, verdict: own }: FigureResults, index: number): Partial<FigureResults> {
  const verdict = (['pass', 'regression', 'improvement', 'inconclusive'] as const)[index % 4] ?? 'pass'
  const ratio = { pass: 1.01, regression: 1.3, improvement: 0.8, inconclusive: 1.1 }[verdict]
  const interval: [number, number] = [ratio - 0.05, ratio + 0.05]
  return {
    ...(index % 7 === 0 && own.reference !== undefined && { verdict: { ...own, state: 'miss' } }),
    baseline: {
      verdict,
      median: median / ratio,
      n,
      ratio,
      interval,
      confidence: 0.95,
      reason: `${ratio} × <main>`,
    },
  }
}

/** The same run, `day` days later (negative: earlier) and `factor` times slower. */
export const later = (results: Results, day: number, factor: number): Results => ({
  ...results,
  createdAt: new Date(Date.parse(results.createdAt) + day * 86_400_000).toISOString(),
  suites: results.suites.map((suite) => ({
    ...suite,
    figures: suite.figures.map((figure) => ({ ...figure, median: figure.median * factor })),
  })),
})
