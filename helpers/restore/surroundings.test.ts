import { readFileSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseHandler } from '../handlers/definition.ts'
import { fixture } from '../installation/paths.ts'
import { strategyNamed } from '../strategies/index.ts'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf } from '../testing/messages.ts'
import { MB } from '../units.ts'
import { runRestore, startRestore } from './restore-run.ts'

/** Lays out what fixtures/scenes/reading.py reads; the folder of its link is elsewhere. */
async function layOut(folder: string, elsewhere: string): Promise<void> {
  for (const name of ['site', 'empty']) await mkdir(join(folder, name))
  await writeFile(join(folder, 'asked'), 'asked')
  await writeFile(join(elsewhere, 'page'), 'behind a link')
  await symlink(elsewhere, join(folder, 'linked'))
  await writeFile(join(folder, 'tool'), '#!/bin/sh\nexpr 6 \\* 7\n')
  await chmod(join(folder, 'tool'), 0o755)
  await writeFile(join(folder, 'site/later'), 'later')
  await writeFile(join(folder, 'site/late.py'), 'text = "imported"\n')
}

interface Reading {
  /** What it does after its first answer. */
  readonly late?: 'nothing' | 'file' | 'import'
  /** Of its definition, in its working directory. */
  readonly files?: readonly string[]
  readonly strategies?: readonly string[]
}

/** What the handler answers after each restore. */
async function answersOf({ late = 'nothing', files = [], strategies = ['mapped'] }: Reading) {
  await using folder = await temporaryFolder()
  await using elsewhere = await temporaryFolder()
  await layOut(folder.path, elsewhere.path)
  const bodies: string[] = []
  const handler = parseHandler({
    name: 'reading',
    command: (site) => ['/usr/bin/python3', '-I', '-S', fixture('scenes/reading.py'), join(site.folder, 'door'), late], // prettier-ignore
    cwd: folder.path,
    files: files.map((name) => join(folder.path, name)),
    memory: 16 * MB,
    ready: { socket: 'door' },
    trigger: { request: 'http://localhost/', socket: 'door' },
    done: 'response',
    checksum: ({ body }) => `${bodies.push(body) > 0}`,
  })
  const plan = { handler, size: 16 * MB, strategies: strategies.map(strategyNamed) }
  const message = await messageOf(() =>
    withCheckpoints(plan, async (checkpoints) => {
      for (const checkpoint of checkpoints) await runRestore(checkpoint)
    }),
  )
  return { answers: bodies.slice(1), message: message.replaceAll(folder.path, 'FOLDER') }
}

const FOUND = 'asked, behind a link, 42, 0 in empty'

describe('a restored handler', () => {
  test('has the files, programs, links and folders that it used before its dump, by relative paths as well', async () => {
    const { answers } = await answersOf({ strategies: ['mapped', 'eager'] })
    expect(answers).toEqual([`${FOUND}, renamed`, `${FOUND}, renamed`])
  })

  test('has the files and folders that its definition names', async () => {
    expect((await answersOf({ late: 'file', files: ['site'] })).answers).toEqual([`${FOUND}, renamed, later`])
    expect((await answersOf({ late: 'import', files: ['site/late.py'] })).answers).toEqual([
      `${FOUND}, renamed, imported`,
    ])
  })

  test('that misses a file fails, and the fix names the file', async () => {
    expect((await answersOf({ late: 'file' })).message).toMatchInlineSnapshot(`
      "cannot use the answer of the reading handler after its restore
        found:    HTTP/1.0 500 Internal Server Error
        expected: an HTTP answer with a status below 400 to http://localhost/
        fix:      the restored handler asked for FOLDER/site/later, which it had not opened before its dump: name the file, or its folder, in \`files\` of defineHandler({ … })
        log:      FileNotFoundError: [Errno 2] No such file or directory: 'site/later'"
    `)
    expect((await answersOf({ late: 'import' })).message).toContain('asked for late, which')
  })

  test('whose definition names a missing file is refused', async () => {
    expect((await answersOf({ files: ['gone'] })).message).toMatchInlineSnapshot(`
      "cannot copy FOLDER/gone for the reading handler
        found:    no such file or folder
        expected: files and folders of this machine in \`files\`
        fix:      correct \`files\` in defineHandler({ … })"
    `)
  })
})

/** What fixtures/scenes/surroundings.py sees after a start by each strategy. */
async function seenBy(strategies: readonly string[]): Promise<unknown[]> {
  await using folder = await temporaryFolder()
  await using elsewhere = await temporaryFolder()
  await layOut(folder.path, elsewhere.path)
  const name = `surroundings-${process.pid}`
  const handler = parseHandler({
    name: 'surroundings',
    command: (site) => ['/usr/bin/python3', '-I', '-S', fixture('scenes/surroundings.py'), site.folder, name],
    cwd: folder.path,
    // A link of the kernel's own is none to copy.
    env: { OWN: '/dev/stdout', PATH: '/usr/bin:/bin' },
    memory: 16 * MB,
    ready: { file: 'up' },
    trigger: { file: 'go' },
    done: { file: 'seen' },
    checksum: ({ folder: own }) => `${readFileSync(join(own, 'seen'), 'utf8').length > 0}`,
  })
  const plan = { handler, size: 16 * MB, strategies: strategies.map(strategyNamed) }
  try {
    return await withCheckpoints(plan, async (checkpoints) => {
      const seen: unknown[] = []
      for (const checkpoint of checkpoints) {
        const { folder: own, ended } = await startRestore(checkpoint)
        await ended
        seen.push(JSON.parse(await readFile(join(own, 'seen'), 'utf8')))
      }
      return seen
    })
  } finally {
    await rm(join('/tmp', name), { force: true })
  }
}

test('a restored handler and one from scratch see the same around themselves', async () => {
  const [plain, ...restored] = await seenBy(['plain', 'mapped', 'eager'])
  expect(plain).toMatchObject({
    'relative paths': ['asked', 'asked', '42'],
    environment: { OWN: '/dev/stdout', PATH: '/usr/bin:/bin' },
  })
  for (const each of restored) expect(each).toEqual(plain)
})
