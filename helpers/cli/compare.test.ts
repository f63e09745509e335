import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { recorded } from '../../reports/recorded.testing.ts'
import { cli } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'

test('compare names every suite that the later run lacks, and is inconclusive', async () => {
  await using folder = await temporaryFolder()
  const [before, now] = [join(folder.path, 'before.json'), join(folder.path, 'now.json')]
  await writeFile(before, JSON.stringify({ ...recorded, suites: recorded.suites.slice(0, 2) }))
  await writeFile(now, JSON.stringify({ ...recorded, suites: [] }))
  const { status, stdout, stderr } = await cli(['compare', before, now])
  expect({ status, stderr }).toEqual({ status: 3, stderr: '' })
  for (const { title } of recorded.suites.slice(0, 2))
    expect(stdout).toContain(`inconclusive: ${title} (python handler): not in ${now}, but in ${before}`)
})
