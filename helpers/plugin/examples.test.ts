import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Results } from '../../reports/results.ts'
import { outcomeOf, PROJECT, VITEST } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

/** The complete projects of fixtures/examples, as their users run them. */
const EXAMPLES = [
  ['python-function', ['plain', 'mapped'], ['startup', 'restore']],
  ['node-function', ['plain', 'eager', 'mapped'], ['startup', 'restore', 'restore']],
  ['node-server', ['plain', 'mapped'], ['first response', 'first response']],
] as const

const folderOf = (example: string): string => join(PROJECT, 'fixtures/examples', example)

describe('the example', () => {
  test.each(EXAMPLES)('%s passes its own gate', async (example, strategies, phases) => {
    await using output = await temporaryFolder()
    const { status, stdout, stderr } = await expectNothingLeft(() =>
      outcomeOf([process.execPath, VITEST, 'bench', '--run', '--root', folderOf(example)], {
        VITEST_CRIU_OUTPUT: output.path,
        VITEST_CRIU_ITERATIONS: '3',
      }),
    )
    expect(status, stdout + stderr).toBe(0)
    const { suites } = Results.parse(JSON.parse(await readFile(join(output.path, 'results.json'), 'utf8')))
    expect(suites.map(({ strategy }) => strategy)).toEqual(strategies)
    for (const [index, { figures, samples }] of suites.entries()) {
      expect(figures.map(({ phase }) => phase)).toContain(phases[index])
      expect(samples).toHaveLength(3)
    }
  })

  test.each(['node-server', 'python-function'])('%s is what the README shows', async (example) => {
    const readme = await readFile(join(PROJECT, 'README.md'), 'utf8')
    const suite = await readFile(join(folderOf(example), 'restore.bench.ts'), 'utf8')
    expect(readme).toContain(suite.replace(/^\/\*\*.*\*\/\n/, ''))
  })
})
