import { describe, expect, test } from 'vitest'
import { originalSource, matchWholeSizes } from './pattern.ts'

const TITLES = ['1MB', '4MB', '16MB', '64MB', '256MB', '1024MB'].map((size) => `tmpfs ${size} restore`)
const selected = (pattern: string): string[] =>
  TITLES.filter((title) => matchWholeSizes(new RegExp(pattern)).test(title)).map(
    (title) => title.split(' ')[1] ?? '',
  )

describe('a pattern', () => {
  test.each([
    ['4MB', ['4MB']],
    ['64MB', ['64MB']],
    ['24MB', []],
    ['tmpfs 4MB', ['4MB']],
    ['(4MB|16MB) restore', ['4MB', '16MB']],
    [String.raw`\d4MB`, ['64MB', '1024MB']],
    ['tmpfs.*4MB', ['4MB']],
    ['[16]4MB', ['64MB']],
    ['restore', ['1MB', '4MB', '16MB', '64MB', '256MB', '1024MB']],
  ])('%s selects %j', (pattern, sizes) => expect(selected(pattern)).toEqual(sizes))

  test('keeps its flags', () => expect(matchWholeSizes(/4mb|4MB/i).flags).toBe('i'))

  test('is not changed a second time', () => {
    const once = matchWholeSizes(/4MB/)
    expect(matchWholeSizes(once)).toEqual(once)
  })

  test('can be shown as the user wrote it', () =>
    expect(originalSource(matchWholeSizes(/tmpfs 4MB/))).toBe('tmpfs 4MB'))
})
