import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BUNDLE } from '../criu/bundle.ts'
import { hostPath } from '../host/host.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { messageOf } from '../testing/messages.ts'
import { runRestore } from '../restore/restore-run.ts'

test.each([
  { criuOn: 'local', works: true },
  { criuOn: 'filesystem', works: false },
] as const)(
  'with criuOn: $criuOn, a restore with a damaged CRIU in the rootfs works: $works',
  async ({ criuOn, works }) => {
    await withCheckpoint({ criuOn }, async (checkpoint) => {
      const { host, rootfs, checksum } = checkpoint
      await truncate(hostPath(host, join(rootfs.path, BUNDLE, 'criu')), 0)
      const message = await messageOf(async () => (await runRestore(checkpoint)).sample.checksum)
      expect(message === `no error, but "${checksum}"`, message).toBe(works)
    })
  },
)
