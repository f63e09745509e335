import { expect, test } from 'vitest'
import { runBenchProject } from '../testing/bench-project.ts'
import { API } from '../testing/projects.ts'

const SIDE_BY_SIDE = API.replace('index.ts', 'plugin/side-by-side.ts')

test('a test in a bench file puts a table into the results of the run', async () => {
  const { status, stdout, results } = await runBenchProject(`
    import { reportSideBySide } from '${SIDE_BY_SIDE}'
    test('one', (context) => {
      reportSideBySide(context, { title: 'containers', note: 'Of one run.', columns: [{ name: 'rate', unit: '1/s' }],
        rows: [{ name: 'runc', values: [{ value: 40.123, n: 3 }] }] })
      expect(1).toBe(1)
    })`)
  expect(status).toBe(0)
  expect(results.suites).toEqual([])
  expect(results.sideBySide).toMatchObject([{ title: 'containers', rows: [{ name: 'runc' }] }])
  expect(stdout).toContain('| runc       | 40.1, n 3 |')
})
