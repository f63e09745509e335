import { Results, RESULTS_VERSION, type SuiteResults } from '../../reports/results.ts'

/** The results of a run with these suites on a fictitious machine. */
export const results = (...suites: SuiteResults[]): Results =>
  Results.parse({
    version: RESULTS_VERSION,
    createdAt: '2026-01-02T03:04:05.678Z',
    fingerprint: {
      kernel: '6.18.0',
      architecture: 'x64',
      cpu: 'A CPU',
      cpus: 2,
      memory: 2 ** 34,
      cgroup: 'v2',
      node: 'v26.0.0',
    },
    options: {},
    suites,
  })
