import { open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { handlerNamed } from '../handlers/handler.ts'
import { asImage, decodeImage, encodeImage, entriesOf, pageCount, storedPages } from '../images/index.ts'
import { NOTHING_OPENED } from '../handlers/opened.ts'
import { hostPath } from '../host/host.ts'
import { eager } from '../strategies/eager.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { GB, MB } from '../units.ts'
import { IMAGES_FOLDER } from '../checkpoint/rootfs.ts'
import { runRestore, type Checkpoint } from './restore-run.ts'

const imagesOf = ({ host, rootfs }: Checkpoint): string => hostPath(host, join(rootfs.path, IMAGES_FOLDER))

/** Decodes and encodes every image except raw pages, and expects the same bytes. Returns the number of images. */
async function expectSameBytes(folder: string): Promise<number> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.img') && !file.startsWith('pages-'))
  for (const file of files) {
    const bytes = await readFile(join(folder, file))
    expect(Buffer.compare(encodeImage(decodeImage(bytes, file)), bytes), `${file}, encoded again`).toBe(0)
  }
  return files.length
}

describe.each(['python', 'native'])('a dump of the %s handler', (name) => {
  const handler = handlerNamed(name)

  test.each([MB, 4 * MB, 16 * MB, 64 * MB, 256 * MB, GB])(
    'with %i bytes is decoded and encoded without a change, and restored with the same checksum',
    async (size) => {
      await withCheckpoint({ handler, size }, async (checkpoint) => {
        expect(await expectSameBytes(imagesOf(checkpoint))).toBeGreaterThan(10)
        const { sample } = await runRestore(checkpoint)
        expect(sample.checksum).toBe(checkpoint.checksum)
      })
    },
  )

  test('fails to restore if a page of its memory is changed', async () => {
    await withCheckpoint({ handler, size: 4 * MB }, async (checkpoint) => {
      await alterMemory(imagesOf(checkpoint))
      expect(await messageOf(() => runRestore(checkpoint))).toContain('the unchanged memory of the dump')
      // Opened again, it has been so from the beginning.
      const origin = { ...checkpoint, opened: NOTHING_OPENED }
      const restorable = await eager.open(checkpoint.host, checkpoint.rootfs, origin)
      const message = await messageOf(() => runRestore({ ...checkpoint, restorable }))
      const found = /checksum [0-9a-f]+$/gm
      expect(steady(message, [found, 'checksum FOUND'], [checkpoint.checksum, 'EXPECTED'])).toBe(
        'the restored process gave another answer, or has the wrong memory (eager, 4194304 bytes)\n' +
          '  found:    the checksum FOUND\n' +
          '  expected: the checksum EXPECTED, from before the dump\n' +
          '  fix:      if the answer may differ, give `checksum` to defineHandler({ … }): a function, or false; if not, keep the images, and report a bug in vitest-criu',
      )
    })
  })
})

/** Changes every word of the page in the middle of the largest memory area. */
async function alterMemory(folder: string): Promise<void> {
  const file = (await readdir(folder)).find((name) => /^pagemap-\d+\.img$/.test(name)) ?? 'none'
  const pagemap = asImage(decodeImage(await readFile(join(folder, file)), file), 'PAGEMAP')
  const entries = entriesOf(pagemap, 'PAGEMAP')
  const [largest] = entries.toSorted((one, other) => Number(pageCount(other) - pageCount(one)))
  if (!largest) throw new Error(`no memory in ${file}`)
  const before = storedPages(entries.slice(0, entries.indexOf(largest)))
  const position = Number(before + pageCount(largest) / 2n) * 4096
  await using pages = await open(join(folder, `pages-${pagemap.first.message.pagesId}.img`), 'r+')
  const page = Buffer.alloc(4096)
  await pages.read(page, 0, page.length, position)
  for (let byte = 0; byte < page.length; byte += 8) page.writeUInt8(page.readUInt8(byte) ^ 1, byte)
  await pages.write(page, 0, page.length, position)
}
