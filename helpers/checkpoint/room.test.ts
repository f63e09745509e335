import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ext4 } from '../filesystems/ext4.ts'
import { parseHandler } from '../handlers/definition.ts'
import { fixture } from '../installation/paths.ts'
import { runRestore } from '../restore/restore-run.ts'
import { strategyNamed } from '../strategies/index.ts'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf, steady } from '../testing/messages.ts'
import type { CheckpointPlan } from '../measure/prepare.ts'
import { MB, type Bytes } from '../units.ts'

interface Large {
  /** Of its definition. */
  readonly memory: Bytes
  readonly file?: string
  readonly plan?: Partial<CheckpointPlan>
}

/** What fixtures/scenes/large.py prints after a restore by each strategy, or the error. */
const outcomeOf = (way: string, { memory, file = 'none', plan }: Large): Promise<string> => {
  const handler = parseHandler({
    name: 'large',
    command: ({ folder }) => ['/usr/bin/python3', '-I', '-S', fixture('scenes/large.py'), way, folder, file],
    memory,
    ready: { line: 'ready' },
    trigger: { line: 'go' },
    done: { line: 'done' },
  })
  const strategies = ['mapped', 'eager'].map(strategyNamed)
  return messageOf(() =>
    withCheckpoints({ handler, size: memory, strategies, ...plan }, async (checkpoints) => {
      const outputs: string[] = []
      for (const checkpoint of checkpoints) outputs.push((await runRestore(checkpoint)).output.handler)
      return outputs
    }),
  )
}

describe('a checkpoint has room for', () => {
  test('a mapped file that is larger than the memory of the process', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'model')
    await writeFile(file, '')
    await truncate(file, 400 * MB)
    expect(await outcomeOf('mapped', { memory: 16 * MB, file })).toBe(
      `no error, but ["done b'\\\\x00'\\n","done b'\\\\x00'\\n"]`,
    )
  })

  test('a large file in the own folder, of which each sample has a copy', async () => {
    expect(await outcomeOf('folder', { memory: 16 * MB, file: '150' })).toBe(
      `no error, but ["done (150, b'f')\\n","done (150, b'f')\\n"]`,
    )
  })

  test('a file in the own folder that is as large as the memory of the definition', async () => {
    expect(await outcomeOf('folder', { memory: 400 * MB, file: '400' })).toBe(
      `no error, but ["done (400, b'f')\\n","done (400, b'f')\\n"]`,
    )
  })

  test('pages that children share since a fork, each time again', async () => {
    expect(await outcomeOf('children', { memory: 300 * MB })).toBe(
      `no error, but ["done b'c'\\n","done b'c'\\n"]`,
    )
  })
})

describe('before the dump, an error tells the sizes of', () => {
  test('memory that is larger than the definition says', async () => {
    expect(steady(await outcomeOf('memory', { memory: 16 * MB }))).toMatchInlineSnapshot(`
      "cannot dump the large handler: it has more memory than there is room for
        found:    N MB of memory; N MB are free on tmpfs
        expected: N MB for dump, images and mapped memory
        fix:      set \`memory: '203MB'\` in defineHandler({ … })"
    `)
  })

  test('memory that children share since a fork', async () => {
    expect(steady(await outcomeOf('children', { memory: 16 * MB }))).toMatchInlineSnapshot(`
      "cannot dump the large handler: it has more memory than there is room for
        found:    N MB of memory in 5 processes, each with the pages that it shares since a fork; N MB are free on tmpfs
        expected: N MB for dump, images and mapped memory
        fix:      set \`memory: '314MB'\` in defineHandler({ … })"
    `)
  })

  test('files, on a filesystem that cannot grow', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'model')
    await writeFile(file, '')
    await truncate(file, 800 * MB)
    const plan = { filesystem: ext4 }
    expect(steady(await outcomeOf('mapped', { memory: 16 * MB, file, plan }))).toMatchInlineSnapshot(`
      "cannot copy the files of the large handler: there is no room for them
        found:    N MB in files that it has opened or names in \`files\`, N kB in its own folder, N MB of memory; N MB are free on ext4
        expected: N MB more
        fix:      use smaller files, free memory, or set a larger \`memory\` in defineHandler({ … }): it determines the room"
    `)
  })
})
