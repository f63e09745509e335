import { describe, expect, test } from 'vitest'
import { circlesIn, groupedGraph, type ImportGraph } from './import-graph.ts'

const graphOf = (edges: Readonly<Record<string, readonly string[]>>): ImportGraph =>
  new Map(Object.entries(edges).map(([file, targets]) => [file, new Set(targets)]))

describe('circles of imports', () => {
  test('are none in a graph whose paths meet again', () => {
    expect(circlesIn(graphOf({ a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }))).toEqual([])
  })

  test('are found wherever they begin, and printed from file to file', () => {
    expect(circlesIn(graphOf({ a: ['b'], b: ['c'], c: ['d'], d: ['b'] }))).toEqual(['b -> c -> d -> b'])
    expect(circlesIn(graphOf({ a: ['a'] }))).toEqual(['a -> a'])
  })

  test('are found between rooms whose files have none', () => {
    const graph = graphOf({ 'one/a': ['other/b'], 'other/b': [], 'other/c': ['one/d'], 'one/d': [] })
    expect(circlesIn(graph)).toEqual([])
    const rooms = groupedGraph(graph, (file) => file.split('/')[0] ?? '')
    expect(circlesIn(rooms)).toEqual(['one -> other -> one'])
  })
})
