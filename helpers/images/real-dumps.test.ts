import { mkdir, mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeImage, encodeImage, liveProcesses, neededFiles, readImageSet, readDumpStats } from './index.ts'
import { validateImageSet } from './index.ts'
import { dumpOf } from './real-dumps.testing.ts'
import { python, SCENES, type Scene } from './real-scenes.testing.ts'

let top = ''
beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), 'images-'))
})
afterAll(() => rm(top, { recursive: true }))

/** Dumps a scene into a new folder. */
async function dumped(name: string, { command }: Scene): Promise<string> {
  const folder = join(top, name.replaceAll(/\W+/g, '-'))
  await mkdir(folder)
  await dumpOf(command, folder)
  return folder
}

describe('a real dump', () => {
  test.each(Object.entries(SCENES))(
    'of %s is valid and does not change when it is decoded and encoded',
    async (name, scene) => {
      const folder = await dumped(name, scene)
      const files = await readdir(folder)
      for (const wanted of scene.images) expect(files).toContainEqual(expect.stringMatching(wanted))
      for (const file of files) {
        const bytes = await readFile(join(folder, file))
        const again = encodeImage(decodeImage(bytes, file))
        expect(Buffer.compare(again, bytes), `${file} after decoding and encoding`).toBe(0)
      }
      validateImageSet(await readImageSet(folder))
    },
  )

  test('needs files that exist on this machine, and no deleted file', async () => {
    const code = `deleted = tempfile.TemporaryFile(); null = open('/dev/null')`
    const set = await readImageSet(await dumped('files', python([], code)))
    const [process] = liveProcesses(set)
    const needed = neededFiles(set)
    for (const { path, size, mode } of needed) {
      const file = await stat(path, { bigint: true })
      expect([path, size ?? file.size, mode]).toEqual([path, file.size, Number(file.mode)])
    }
    expect(needed.find(({ path }) => path === '/dev/null')?.kind).toBe('device')
    expect(needed.filter(({ usedBy }) => usedBy.includes(`executable of ${process?.pid}`))).toHaveLength(1)
    expect(needed.filter(({ path }) => path.startsWith(tmpdir()))).toEqual([])
  })

  test('has statistics that agree with its images', async () => {
    const folder = await dumped('statistics', python([], ''))
    const { raw } = await readImageSet(folder)
    const stats = await readDumpStats(join(folder, 'stats-dump'))
    expect(stats).toMatchObject({ pagesWritten: (raw.get('pages-1.img') ?? 0) / 4096 })
    expect(stats.frozenMicroseconds).toBeGreaterThan(0)
  })
})
