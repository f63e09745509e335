import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ext4 } from '../filesystems/ext4.ts'
import { tmpfs } from '../filesystems/tmpfs.ts'
import { parseHandler } from '../handlers/definition.ts'
import { HANDLER_FOLDER } from '../handlers/handler.ts'
import { fixture } from '../installation/paths.ts'
import { strategyNamed } from '../strategies/index.ts'
import { withCheckpoint, withCheckpoints } from '../testing/checkpoints.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf } from '../testing/messages.ts'
import { onCeph, prepareOnCeph } from '../testing/on-ceph.ts'
import { MB } from '../units.ts'
import { startRestore, type Checkpoint } from './restore-run.ts'

/** A handler that writes wherever it can: fixtures/scenes/writing.py. */
const writing = (place?: string) =>
  parseHandler({
    name: 'writing',
    command: ({ folder }) => [
      '/usr/bin/python3',
      '-I',
      '-S',
      fixture('scenes/writing.py'),
      folder,
      place ?? `${folder}/own`,
    ],
    readOnly: place === undefined,
    ready: { file: 'up' },
    trigger: { file: 'go' },
    done: { file: 'seen' },
    // It would write before the dump already.
    checksum: false,
  })

/** What a sample has found before it wrote. */
async function foundBy(checkpoint: Checkpoint): Promise<unknown> {
  const { folder, ended } = await startRestore(checkpoint)
  await ended
  return JSON.parse(await readFile(join(folder, 'seen'), 'utf8'))
}

/** Expects each of two samples to find what was there at the dump, and the log in `place` to stay as it was then. */
async function expectNoTraces(checkpoints: readonly Checkpoint[], place: string): Promise<void> {
  const log = await readFile(join(place, 'log'), 'utf8')
  for (const checkpoint of checkpoints) {
    const { strategy } = checkpoint.restorable
    const first = await foundBy(checkpoint)
    expect(first, strategy).toMatchObject({ log: 8, visits: 1, counter: '0', markers: [], wrote: true })
    expect(await foundBy(checkpoint), strategy).toEqual(first)
  }
  expect(await readFile(join(place, 'log'), 'utf8')).toBe(log)
}

const planOf = (place: string | undefined, strategies: readonly string[]) => ({
  handler: writing(place),
  size: 16 * MB,
  strategies: strategies.map(strategyNamed),
})

describe('what one sample writes, neither the next nor the machine sees', () => {
  // oxlint-disable-next-line vitest/expect-expect -- expectNoTraces()
  test.each([
    ['tmpfs', tmpfs, ['plain', 'mapped', 'lazy', 'eager']],
    ['ext4', ext4, ['mapped', 'eager']],
  ] as const)('on %s', async (_, filesystem, strategies) => {
    await using place = await temporaryFolder()
    const plan = { ...planOf(place.path, strategies), filesystem }
    await withCheckpoints(plan, (checkpoints) => expectNoTraces(checkpoints, place.path))
  })

  // oxlint-disable-next-line vitest/expect-expect -- expectNoTraces()
  test('on ceph', async () => {
    await using place = await temporaryFolder()
    await onCeph(async (sandbox) => {
      await using prepared = await prepareOnCeph(sandbox, planOf(place.path, ['mapped', 'lazy', 'eager']))
      await expectNoTraces(prepared.checkpoints, place.path)
    })
  })

  test('with `readOnly`, where it can write only to its own folder, /run and /dev', async () => {
    await withCheckpoints(planOf(undefined, ['plain', 'mapped', 'lazy', 'eager']), async (checkpoints) => {
      for (const checkpoint of checkpoints) {
        const { strategy } = checkpoint.restorable
        const first = await foundBy(checkpoint)
        const reached = ['/run', '/dev', `${HANDLER_FOLDER}/own`, HANDLER_FOLDER]
        expect(first, strategy).toMatchObject({ markers: [], reached })
        expect(await foundBy(checkpoint), strategy).toEqual(first)
      }
    })
  })

  test('with `readOnly`, a restore fails if a file outside of its folder is open for writing', async () => {
    await using place = await temporaryFolder()
    const plan = planOf(place.path, ['mapped'])
    await withCheckpoint({ ...plan, handler: { ...plan.handler, readOnly: true } }, async (checkpoint) => {
      const message = await messageOf(() => foundBy(checkpoint))
      expect(message).toContain('fix:      have the handler write to its own folder alone, or leave out its `readOnly`') // prettier-ignore
    })
  })
})
