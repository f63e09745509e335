import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { defineHandler } from '../handlers/defined.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { hostPath } from '../host/host.ts'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { compareWithDump, restoreAndHold } from '../testing/live-restore.ts'
import { outcomeOf, RIGHT, scene } from '../testing/scenes.ts'
import { MB } from '../units.ts'
import { restoringNames, strategyNamed } from './index.ts'
import { startRestore, type Checkpoint } from '../restore/restore-run.ts'

/** Processes with one special kind of memory each. fixtures/scenes/scenes.c describes them. */
const SCENES = [
  'threads',
  'forked',
  'forked-little',
  'shared-anon',
  'private-file',
  'shared-file',
  'mprotect',
  'guard',
  'sparse',
  'writer',
  'data',
  'heap',
  'brk-resize',
  'brk-child',
  'stack',
]

const all = restoringNames.map(strategyNamed)

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

/**
 * Restores a process and expects every byte to be that of the dump, before the process continues. Then lets it end.
 * Returns the number of bytes.
 */
async function expectSameMemory(checkpoint: Checkpoint): Promise<number> {
  const live = await restoreAndHold(checkpoint)
  const { bytes, different } = await compareWithDump(checkpoint, live)
  expect(different, checkpoint.restorable.strategy).toEqual([])
  const { checksum } = await live.finish()
  expect(checksum).toBe(checkpoint.checksum)
  return bytes
}

describe('after a restore of any strategy', () => {
  test.each([
    ['python', 16 * MB],
    ['native', 16 * MB],
    // V8 has code and small areas, which are not mapped.
    ['node-http', 8 * MB],
  ] as const)('the memory of the %s handler is the same, byte for byte', async (name, least) => {
    await withCheckpoints(
      { handler: handlerNamed(name), size: 16 * MB, strategies: all },
      async (checkpoints) => {
        for (const checkpoint of checkpoints)
          expect(await expectSameMemory(checkpoint)).toBeGreaterThanOrEqual(least)
      },
    )
  })

  test.each(SCENES)('a process has the same memory, and works: %s', async (name) => {
    // With one page in a hundred, only a large area has enough pages in the dump to be mapped.
    const size = name === 'sparse' ? 64 * MB : 8 * MB
    await withCheckpoints({ handler: scene(name), size, strategies: all }, async (checkpoints) => {
      for (const checkpoint of checkpoints) {
        const live = await restoreAndHold(checkpoint)
        expect((await compareWithDump(checkpoint, live)).different, checkpoint.restorable.strategy).toEqual(
          [],
        )
        await live.finish()
        expect(await outcomeOf(live.folder), checkpoint.restorable.strategy).toEqual(RIGHT)
      }
    })
  })
})

test('writes of a restored process reach neither the backing file nor the next restore', async () => {
  const plan = { handler: scene('writer'), size: 8 * MB, strategies: [strategyNamed('mapped')] }
  await withCheckpoints(plan, async ([checkpoint]) => {
    if (!checkpoint) throw new Error('no checkpoint')
    const backing = hostPath(checkpoint.host, join(checkpoint.rootfs.path, 'mapped/backing'))
    const before = await hashOf(backing)
    for (let restore = 0; restore < 3; restore++)
      expect(await expectSameMemory(checkpoint)).toBeGreaterThan(0)
    expect(await hashOf(backing)).toBe(before)
  })
})

test('a process without open files is restored with every strategy', async () => {
  const code =
    "import os,time; d=os.environ['CRIU_HANDLER_FOLDER']; os.open(d+'/up',os.O_CREAT); os.closerange(0,99)\n" +
    "while not os.path.exists(d+'/go'): time.sleep(.01)\n" +
    "os.close(os.open(d+'/done',os.O_CREAT)); time.sleep(99)"
  const handler = defineHandler({
    name: 'no-files',
    command: ['/usr/bin/python3', '-I', '-S', '-c', code],
    memory: '16MB',
    ready: { file: 'up' },
    trigger: { file: 'go' },
    done: { file: 'done' },
    checksum: () => 'done',
  })
  await withCheckpoints({ handler, size: 16 * MB, strategies: all }, async (checkpoints) => {
    for (const checkpoint of checkpoints) {
      const { sample } = await (await startRestore(checkpoint)).ended
      expect(sample.checksum, checkpoint.restorable.strategy).toBe(checkpoint.checksum)
    }
  })
})
