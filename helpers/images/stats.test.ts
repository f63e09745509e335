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

test('reads the statistics of a restore', async () => {
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

test('rejects statistics that are not of a restore', async () => {
  const error = statsOf('stats-restore', create(pb.StatsEntrySchema, {}))
  await expect(error.catch((cause: Error) => cause.message.replace(folder, 'FOLDER'))).resolves
    .toMatchInlineSnapshot(`
    "cannot read the statistics of CRIU in FOLDER/stats-restore
      found:    no statistics of a restore in the file
      expected: statistics of a restore
      fix:      check the --work-dir of criu for the file, and the log of criu for errors"
  `)
})

test('rejects a missing file', async () => {
  const error = readRestoreStats(join(folder, 'nothing'))
  await expect(error.catch((cause: Error) => cause.message.replaceAll(folder, 'FOLDER'))).resolves
    .toMatchInlineSnapshot(`
    "cannot read the statistics of CRIU in FOLDER/nothing
      found:    ENOENT: no such file or directory, open 'FOLDER/nothing'
      expected: statistics of a dump or a restore
      fix:      check the --work-dir of criu for the file, and the log of criu for errors"
  `)
})
