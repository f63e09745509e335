import { expect, test } from 'vitest'
import { parseMountInfo, readMounts } from './mounts.ts'

test('parses mountinfo with and without optional fields, and paths with escaped characters', () => {
  const text =
    '22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n' +
    String.raw`35 22 0:31 / /srv/a\040b\134c rw shared:1 master:2 - tmpfs vitest-criu rw,size=1k` +
    '\n'
  expect(parseMountInfo(text)).toEqual([
    { point: '/', type: 'ext4', source: '/dev/vda' },
    { point: String.raw`/srv/a b\c`, type: 'tmpfs', source: 'vitest-criu' },
  ])
})

test("reads this machine's mounts, /proc included", async () => {
  expect(await readMounts()).toContainEqual(expect.objectContaining({ point: '/proc', type: 'proc' }))
})
