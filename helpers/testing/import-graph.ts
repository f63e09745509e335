import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { parseSync } from 'oxc-parser'
import { PROJECT } from './commands.ts'

/** What each file, or each room, imports. */
export type ImportGraph = ReadonlyMap<string, ReadonlySet<string>>

/** Every source file of the project by its path from the root; generated ones are left out. */
export const sourceFiles = (): string[] =>
  globSync('{bench,fixtures,helpers,reports}/**/*.ts', { cwd: PROJECT }).filter(
    (file) => !file.includes('/generated/'),
  )

/** What a file imports or exports from, types included, as it is written: "./host.ts", "node:fs". */
export async function requestsOf(file: string): Promise<string[]> {
  const { module } = parseSync(file, await readFile(join(PROJECT, file), 'utf8'))
  const exported = module.staticExports.flatMap(({ entries }) => entries)
  return [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...exported.flatMap(({ moduleRequest }) => moduleRequest?.value ?? []),
  ]
}

/** The files of the project that a file imports. */
export async function importsOf(file: string): Promise<string[]> {
  const own = (await requestsOf(file)).filter((request) => request.startsWith('.'))
  return own.map((request) => relative(PROJECT, resolve(PROJECT, dirname(file), request)))
}

export async function fileGraph(files: readonly string[]): Promise<ImportGraph> {
  return new Map(
    await Promise.all(files.map(async (file) => [file, new Set(await importsOf(file))] as const)),
  )
}

/** The graph of groups of files: an import within a group is none. */
export function groupedGraph(graph: ImportGraph, groupOf: (file: string) => string): ImportGraph {
  const groups = new Map<string, Set<string>>()
  for (const [file, targets] of graph) {
    const group = groups.get(groupOf(file)) ?? new Set()
    groups.set(groupOf(file), group)
    for (const target of targets) if (groupOf(target) !== groupOf(file)) group.add(groupOf(target))
  }
  return groups
}

/** Circles of imports, as "a -> b -> a": at least one where there is any, and not each of several that overlap. */
export function circlesIn(graph: ImportGraph): string[] {
  const circles: string[] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (node: string): void => {
    const start = path.indexOf(node)
    if (start >= 0) circles.push([...path.slice(start), node].join(' -> '))
    if (start >= 0 || done.has(node)) return
    path.push(node)
    for (const target of graph.get(node) ?? []) visit(target)
    path.pop()
    done.add(node)
  }
  for (const node of graph.keys()) visit(node)
  return circles
}
