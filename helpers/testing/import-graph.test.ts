import { describe, expect, test } from 'vitest'
import { circlesIn, groupedGraph, type ImportGraph } from './import-graph.ts'

const graphOf = (edges: Readonly<Record<string, readonly string[]>>): ImportGraph =>
  new Map(Object.entries(edges).map(([file, targets]) => [file, new Set(targets)]))

describe('import cycles', () => {
  test('are not reported for a graph whose paths only meet again', () => {
    expect(circlesIn(graphOf({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }))).toEqual([])
  })

  test('are found from any start, and printed from file to file', () => {
    expect(circlesIn(graphOf({ a: ['b'], b: ['c'], c: ['d'], d: ['b'] }))).toEqual(['b -> c -> d -> b'])
    expect(circlesIn(graphOf({ a: ['a'] }))).toEqual(['a -> a'])
  })

  test('are found between groups of files, even if the files have none', () => {
    const graph = graphOf({ 'one/a': ['other/b'], 'other/b': [], 'other/c': ['one/d'], 'one/d': [] })
    expect(circlesIn(graph)).toEqual([])
    const groups = groupedGraph(graph, (file) => file.split('/')[0] ?? '')
    expect(circlesIn(groups)).toEqual(['one -> other -> one'])
  })
})
