import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parseHandler } from '../handlers/definition.ts'
import { fixture } from '../installation/paths.ts'
import { restoringNames, strategyNamed } from '../strategies/index.ts'
import { withCheckpoints } from '../testing/checkpoints.ts'
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
lock: True
proc_file: Name:
segment: (b'\\x07', True)
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
  const segments = await readFile('/proc/sysvipc/shm', 'utf8')
  const strategies = ['plain', ...restoringNames].map(strategyNamed)
  await withCheckpoints({ handler, size: 16 * MB, strategies }, async (checkpoints) => {
    for (const checkpoint of checkpoints) {
      for (let round = 0; round < 3; round++) {
        const { output } = await runRestore(checkpoint)
        expect(`\n${output.handler}`, checkpoint.restorable.strategy).toContain(FOUND)
      }
    }
  })
  // No segment stays on the machine.
  expect(await readFile('/proc/sysvipc/shm', 'utf8')).toBe(segments)
})
