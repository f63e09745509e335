import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { messageOf } from './testing/messages.ts'
import { describeBytes, formatMilliseconds, formatSize, GB, KB, MB, parseSize } from './units.ts'

describe('a size', () => {
  test.each([
    ['16777216', 16 * MB],
    ['16MB', 16 * MB],
    ['4096KB', 4 * MB],
    ['1GB', GB],
    ['1B', 1],
    [' 64MB\n', 64 * MB],
  ])('is parsed from %j', (text, bytes) => expect(parseSize(text, 'size')).toBe(bytes))

  test('is parsed back from its title', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), (bytes) => {
        expect(parseSize(formatSize(bytes), 'size')).toBe(bytes)
      }),
    )
  })

  test.each([
    [64 * MB, '64MB'],
    [GB, '1024MB'],
    [512 * KB, '512KB'],
    [5_000_000, '5000000B'],
  ])('of %i bytes has the title %s', (bytes, title) => expect(formatSize(bytes)).toBe(title))

  test.each(['0', '-1', '1.5MB', 'much', '64 MB', '64mb', '1e6', '0x10', '9007199254740993', '9999999999GB'])(
    'cannot be parsed from %j',
    async (text) => {
      expect(await messageOf(() => parseSize(text, 'size of f()'))).toBe(
        'cannot read the size of f()\n' +
          `  found:    "${text}"\n` +
          '  expected: a whole number above 0, in bytes or with a unit, such as 16777216, 16MB or 1GB\n' +
          '  fix:      correct the size of f()',
      )
    },
  )

  test('cannot be parsed from an empty value', async () => {
    expect(await messageOf(() => parseSize(' ', 'size of f()'))).toMatchInlineSnapshot(`
      "cannot read the size of f()
        found:    an empty value
        expected: a whole number above 0, in bytes or with a unit, such as 16777216, 16MB or 1GB
        fix:      correct the size of f()"
    `)
  })
})

describe('in messages and reports', () => {
  test.each([
    [900, '0.9 kB'],
    [2.6 * MB, '2.6 MB'],
    [24 * GB, '24.0 GB'],
  ])('%i bytes are shown as %s', (bytes, text) => expect(describeBytes(bytes)).toBe(text))

  test.each([
    [0.2312, '0.231'],
    [5.4249, '5.42'],
    [46.52, '46.5'],
    [514.9, '514.9'],
  ])('%d ms are shown as %s', (value, text) => expect(formatMilliseconds(value)).toBe(text))
})
