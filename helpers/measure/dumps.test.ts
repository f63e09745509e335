import { expect, test } from 'vitest'
import { parseHandler } from '../handlers/definition.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { messageOf } from '../testing/messages.ts'

test('a handler that ends after a dump that leaves it running is named', async () => {
  const handler = parseHandler({
    name: 'sleeper',
    // CRIU interrupts sleep(), which Perl does not repeat.
    command: ['/usr/bin/perl', '-e', '$| = 1; print "ready\\n"; sleep 1000; print "slept\\n"'],
    memory: '16MB',
    ready: { line: 'ready' },
    trigger: { file: 'go' },
    done: { file: 'gone' },
    checksum: false,
  })
  const dumped = withCheckpoint({ handler, iterations: 2 }, async () => {})
  expect(await messageOf(() => dumped)).toContain(
    'the sleeper handler ended after a dump that left it running\n',
  )
})
