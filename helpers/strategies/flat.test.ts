import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parseHandler } from '../handlers/definition.ts'
import { handlerFiles } from '../handlers/handler.ts'
import { fixture } from '../installation/paths.ts'
import { runRestore } from '../restore/restore-run.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { scene } from '../testing/scenes.ts'
import { KB, MB, type Bytes } from '../units.ts'
import { strategyNamed } from './index.ts'

const lastDigest = (log: string): string => log.match(/^digest \d+$/gm)?.at(-1) ?? 'no digest'

const perl = parseHandler({
  name: 'perl-heap',
  command: ({ size }) => ['/usr/bin/perl', fixture('scenes/heap.pl'), String(size)],
  ready: { line: 'ready' },
  trigger: { stdin: 'go\n' },
  done: { line: 'done' },
  checksum: async ({ folder }) => lastDigest(await readFile(handlerFiles(folder).log, 'utf8')),
  memory: 64 * MB,
})

/** Programs whose memory is the heap. */
const PROGRAMS = [scene('heap'), perl]

test.each(PROGRAMS)(
  'the memory that CRIU copies does not grow with the heap of a program: $name',
  async (handler) => {
    const copiedAt = (size: Bytes) =>
      withCheckpoint({ handler, size, strategies: [strategyNamed('mapped')] }, async (checkpoint) => {
        await runRestore(checkpoint)
        return checkpoint.restorable.copied
      })
    const small = await copiedAt(4 * MB)
    expect(Math.abs((await copiedAt(32 * MB)) - small)).toBeLessThan(128 * KB)
  },
)
