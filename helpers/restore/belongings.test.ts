import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parseHandler } from '../handlers/definition.ts'
import { fixture } from '../installation/paths.ts'
import { restoringNames, strategyNamed } from '../strategies/index.ts'
import { HANDLER_FOLDER } from '../handlers/handler.ts'
import { messageOf } from '../testing/messages.ts'
import { withCheckpoint, withCheckpoints } from '../testing/checkpoints.ts'
import { MB } from '../units.ts'
import { runRestore } from './restore-run.ts'

/** What fixtures/scenes/belongings.py finds. */
const FOUND = `
children: [9, 9, 9, 9]
half_of_a_socketpair: True
closed_file: text
link: data
owner: 1234
pipe_file: True
socket_in_subfolder: door
connection: (b'BEFORE', b'AFTER')
lock: True
proc_file: Name:
segment: (b'\\x07', True)
semaphore: 5
message: b'text'
shared_file: (b'word', b'word')
deleted_shared_file: b'word'
listing: below data link lock locked log owned pipe report stdin
done
`

test('a process finds everything that it had beside its memory', async () => {
  const handler = parseHandler({
    name: 'belongings',
    command: ({ folder }) => ['/usr/bin/python3', '-I', '-S', fixture('scenes/belongings.py'), folder],
    memory: 16 * MB,
    ready: { line: 'ready' },
    trigger: { stdin: 'go\n' },
    done: { line: 'done' },
  })
  const before = await sysvObjects()
  const strategies = ['plain', ...restoringNames].map(strategyNamed)
  await withCheckpoints({ handler, size: 16 * MB, strategies }, async (checkpoints) => {
    for (const checkpoint of checkpoints) {
      for (let round = 0; round < 3; round++) {
        const { output } = await runRestore(checkpoint)
        expect(`\n${output.handler}`, checkpoint.restorable.strategy).toContain(FOUND)
      }
    }
  })
  expect(await sysvObjects()).toEqual(before)
})

/** Of the machine's: segments, semaphores and queues, without how they are used. */
async function sysvObjects(): Promise<string[]> {
  const tables = await Promise.all(
    ['shm', 'sem', 'msg'].map((name) => readFile(`/proc/sysvipc/${name}`, 'utf8')),
  )
  return tables.map((table) => table.replaceAll(/^( *\S+ +\S+).*$/gm, '$1'))
}

test('a process with more files than a command line has room for comes back', async () => {
  const handler = parseHandler({
    name: 'many-files',
    command: ['/usr/bin/python3', '-I', '-S', fixture('scenes/belongings.py'), HANDLER_FOLDER, 'many_files'],
    memory: 16 * MB,
    ready: { line: 'ready' },
    trigger: { line: 'go' },
    done: { line: 'done' },
  })
  await withCheckpoint({ handler, size: 16 * MB }, async (checkpoint) => {
    expect((await runRestore(checkpoint)).output.handler).toContain('many_files: 12000\n')
  })
})

test('a process that is to end with its parent is refused', async () => {
  const handler = parseHandler({
    name: 'dependent',
    command: [
      '/usr/bin/setpriv',
      '--pdeathsig=TERM',
      '--',
      '/bin/sh',
      '-c',
      'echo ready; read go; echo done; read go',
    ],
    ready: { line: 'ready' },
    trigger: { line: 'go' },
    done: { line: 'done' },
  })
  expect(await messageOf(() => withCheckpoint({ handler }, async () => {}))).toMatchInlineSnapshot(`
    "cannot restore the dependent handler
      found:    a process that asked for signal 15 when its parent ends (PR_SET_PDEATHSIG)
      expected: a process that outlives its parent: after a restore its parent is CRIU, which ends at once
      fix:      start it without that request, which \`setpriv --pdeathsig\` makes, for example"
  `)
})
