import { expect, test } from 'vitest'
import { handlerNamed } from '../handlers/handler.ts'
import { runRestore } from '../restore/restore-run.ts'
import { strategyNamed } from '../strategies/index.ts'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { debianImage, noDebianImages } from '../testing/debian-image.ts'

test('the dynamically linked CRIU of a Debian image dumps, and restores although the handler brings other libraries', async ({
  skip,
}) => {
  const reason = noDebianImages()
  if (reason !== undefined) skip(reason)
  const baseImage = await debianImage('trixie')
  const strategies = ['mapped', 'lazy', 'eager'].map(strategyNamed)
  await withCheckpoints({ baseImage, strategies, handler: handlerNamed('python') }, async (checkpoints) => {
    for (const checkpoint of checkpoints) {
      expect((await runRestore(checkpoint)).sample.checksum).toBe(checkpoint.checksum)
      expect(checkpoint.rootfs.criu).toEqual(['/.criu/loader', '--library-path', '/.criu/lib', '/.criu/criu'])
    }
  })
}, 120_000)
