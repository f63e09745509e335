import { expect, test } from 'vitest'
import { figuresCsv, samplesCsv } from './csv.ts'
import { judged, recorded } from './recorded.testing.ts'
import { againOf, rowsOf, samplesOf } from './rows.ts'

const lines = (text: string): string[][] => text.trimEnd().split('\r\n').map((line) => line.split(',')) // prettier-ignore

/** The values of one column. */
function column(text: string, name: string): string[] {
  const [header = [], ...rows] = lines(text)
  return rows.map((cells) => cells[header.indexOf(name)] ?? '')
}

test('figures.csv has a line for each figure, with its median in full', () => {
  expect(column(figuresCsv(recorded), 'median_ms').map(Number)).toEqual(
    rowsOf(recorded).map(({ figure }) => figure.median),
  )
  expect(column(figuresCsv(recorded), 'phase')).toEqual(rowsOf(recorded).map(({ figure }) => figure.phase))
})

test('samples.csv has a line for each sample of each figure, second measurements included', () => {
  const durations = rowsOf(judged).flatMap(({ suite, figure }) =>
    [suite, againOf(suite)].flatMap((taken) =>
      samplesOf(taken, figure.phase).map(({ duration }) => duration),
    ),
  )
  expect(column(samplesCsv(judged), 'ms').map(Number)).toEqual(durations)
  expect(column(samplesCsv(judged), 'measured_again')).toContain('yes')
  expect(column(samplesCsv(judged), 'disturbed_by')).toContain('steal 4 %')
})

test('texts can neither add cells nor lines, nor be executed as formulas', () => {
  const [suite] = recorded.suites
  if (!suite) throw new Error('no suite is recorded')
  const results = { ...recorded, suites: [{ ...suite, handler: '=1+1', file: 'a "b",\nc.ts' }] }
  const text = figuresCsv(results)
  expect(text).toContain(`,'=1+1,`)
  expect(text).toContain(',"a ""b"",\nc.ts",')
  expect(text.split('\r\n')).toHaveLength(suite.figures.length + 2)
})
