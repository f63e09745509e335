import { create } from '@bufbuild/protobuf'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import * as pb from './generated/criu_pb.ts'
import { encodeImage, entry, readRestoreStats } from './index.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stats-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function statsOf(file: string, stats: pb.StatsEntry): Promise<unknown> {
  const path = join(folder, file)
  await writeFile(path, encodeImage({ file, type: 'STATS', first: undefined, entries: [entry(stats)] }))
  return readRestoreStats(path)
}

test('the statistics of a restore are read, with their units in the names', async () => {
  const counts = { pagesCompared: 1n, pagesSkippedCow: 2n, pagesRestored: 1941n }
  const restore = create(pb.RestoreStatsEntrySchema, { ...counts, forkingTime: 300, restoreTime: 4500 })
  expect(await statsOf('stats-restore', create(pb.StatsEntrySchema, { restore }))).toEqual({
    forkingMicroseconds: 300,
    restoreMicroseconds: 4500,
    pagesCompared: 1,
    pagesSkippedCow: 2,
    pagesRestored: 1941,
  })
})

test('statistics that are not of a restore are refused', async () => {
  const error = statsOf('stats-restore', create(pb.StatsEntrySchema, {}))
  await expect(error.catch((cause: Error) => cause.message.replace(folder, 'FOLDER'))).resolves
    .toMatchInlineSnapshot(`
    "cannot read the statistics of CRIU in FOLDER/stats-restore
      found:    none of a restore
      expected: statistics of a restore
      fix:      look for it in the --work-dir of the criu that was run, and for why it failed in that run's log"
  `)
})

test('a file that is not there is refused', async () => {
  const error = readRestoreStats(join(folder, 'nothing'))
  await expect(error.catch((cause: Error) => cause.message.replaceAll(folder, 'FOLDER'))).resolves
    .toMatchInlineSnapshot(`
    "cannot read the statistics of CRIU in FOLDER/nothing
      found:    ENOENT: no such file or directory, open 'FOLDER/nothing'
      expected: statistics of a dump or a restore
      fix:      look for it in the --work-dir of the criu that was run, and for why it failed in that run's log"
  `)
})
