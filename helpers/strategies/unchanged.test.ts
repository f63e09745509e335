import { open, rm, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hostPath } from '../host/host.ts'
import { runRestore, type Checkpoint } from '../restore/restore-run.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { messageOf } from '../testing/messages.ts'
import { strategyNamed } from './index.ts'

const changeByte = async (file: string): Promise<void> => {
  await using handle = await open(file, 'r+')
  await handle.write('x', 4000)
}

const fileIn = ({ host, rootfs }: Checkpoint, name: string): string => hostPath(host, join(rootfs.path, name))

describe('memory that changes between two samples is refused:', () => {
  test.each([
    ['mapped', 'mapped/backing'],
    ['mapped', 'mapped/pages-1.img'],
    ['eager', 'images/pages-1.img'],
    ['lazy', 'images/pages-1.img'],
  ] as const)('strategy %s, %s', async (name, file) => {
    await withCheckpoint({ strategies: [strategyNamed(name)] }, async (checkpoint) => {
      const path = fileIn(checkpoint, file)
      await runRestore(checkpoint)
      const found = async (): Promise<string | undefined> =>
        /^cannot (?:restore|map) memory from .*\n +found: +(.*)/.exec(
          await messageOf(() => runRestore(checkpoint)),
        )?.[1]
      await changeByte(path)
      expect(await found()).toMatch(/ changed or replaced /)
      await truncate(path, 4096)
      expect(await found()).toMatch(/ of 4096 bytes instead of \d+$/)
      await rm(path)
      expect(await found()).toBe('no such file')
    })
  })
})
