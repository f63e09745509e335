import { describe, expect, test } from 'vitest'
import { originalSource, matchTitles } from './pattern.ts'

const TITLES = ['1MB', '4MB', '16MB', '64MB', '256MB', '1024MB'].map((size) => `tmpfs ${size} > restore`)
const selected = (pattern: string): string[] =>
  TITLES.filter((title) => matchTitles(new RegExp(pattern)).test(title)).map(
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
    ['tmpfs 64mb restore', ['64MB']],
    ['tmpfs 64MB > restore', ['64MB']],
    ['64Mb[ >]+restore', ['64MB']],
    [String.raw`64MB\s`, ['64MB']],
    ['[16]4MB', ['64MB']],
    ['restore', ['1MB', '4MB', '16MB', '64MB', '256MB', '1024MB']],
  ])('%s selects %j', (pattern, sizes) => expect(selected(pattern)).toEqual(sizes))

  test('keeps its flags', () => expect(matchTitles(/4mb|4MB/i).flags).toBe('i'))

  test('is not changed a second time', () => {
    const once = matchTitles(/tmpfs 4mb restore/)
    expect(matchTitles(once)).toEqual(once)
  })

  test('can be shown as the user wrote it', () =>
    expect(originalSource(matchTitles(/tmpfs 4mb restore/))).toBe('tmpfs 4mb restore'))
})
