import { execa } from 'execa'
import { globSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  circlesIn,
  fileGraph,
  groupedGraph,
  importsOf,
  requestsOf,
  sourceFiles,
} from './testing/import-graph.ts'

/** What a newcomer can rely on when they open the tree; CONTRIBUTING.md tells it in words. */
const root = resolve(import.meta.dirname, '..')
const own = sourceFiles()
const native = globSync('fixtures/**/*.{c,h}', { cwd: root })

/** Rooms from the top down, as helpers/README.md lists them. A file may import from its own room and from those below it. */
const LAYERS: ReadonlyArray<readonly string[]> = [
  ['bench'],
  ...roomsIn(readFileSync(join(root, 'helpers/README.md'), 'utf8')),
]

/** The rows of the architecture's table: the names in the first column. */
function roomsIn(readme: string): string[][] {
  const rows = /\n\| folder +\| concept +\|\n\|[^\n]*\n(.*?)\n\n/s.exec(readme)?.[1]?.split('\n') ?? []
  return rows.map((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`([^`]+?)\/?`/g)].map(([, name = '']) =>
      name.startsWith('../') ? name.slice(3) : `helpers/${name}`,
    ),
  )
}

/** `run`, `start` and `converse` of helpers/process are bounded in time, and end with the run. */
const STARTS_PROCESSES = new Set(['execa', 'child_process', 'node:child_process'])

const levelOf = (file: string): number => LAYERS.findIndex((rooms) => rooms.includes(roomOf(file)))

const roomOf = (file: string): string => {
  const [top = '', second = ''] = file.split('/')
  return top === 'helpers' ? `${top}/${second}` : top
}

const run = async (...command: string[]): Promise<string> => {
  const [program = '', ...args] = command
  const { all, exitCode } = await execa(program, args, {
    cwd: root,
    all: true,
    reject: false,
    preferLocal: true,
  })
  return exitCode === 0 ? '' : all
}

/** Knows the files that passed before: all of them take ten seconds. A prettier without a cache removes the usual one. */
const CACHED = ['--cache', '--cache-strategy', 'content', '--cache-location', 'node_modules/.cache/checked']

describe('the project', () => {
  test.concurrent('passes the type check', async () => expect(await run('tsc')).toBe(''), 120_000)
  test.concurrent(
    'passes the type-aware lint',
    async () => expect(await run('oxlint', '--type-aware', '--deny-warnings')).toBe(''),
    120_000,
  )
  test.concurrent(
    'is formatted',
    async () => expect(await run('prettier', '--check', ...CACHED, '.')).toBe(''),
    120_000,
  )

  test('documents every room that there is, once', () => {
    const rooms = LAYERS.flat()
    expect(rooms.toSorted()).toEqual(
      [...new Set(own.filter((file) => !isApart(file)).map(roomOf))].toSorted(),
    )
  })

  test('has every source file in a room', () => {
    const homeless = own.filter((file) => levelOf(file) === -1 && !isApart(file))
    expect(homeless).toEqual([])
  })

  test('imports downwards only, or within a room', async () => {
    const upward: string[] = []
    for (const file of own.filter((source) => !isApart(source))) {
      for (const target of await importsOf(file)) {
        const within = roomOf(file) === roomOf(target)
        if (!within && !isApart(target) && levelOf(target) <= levelOf(file))
          upward.push(`${file} -> ${target}`)
      }
    }
    expect(upward).toEqual([])
  })

  test('has no circle of imports, between files or rooms', async () => {
    const graph = await fileGraph(own)
    const shipped = new Map([...graph].filter(([file]) => !isApart(file)))
    expect.soft(circlesIn(graph), 'between files').toEqual([])
    expect(circlesIn(groupedGraph(shipped, roomOf)), 'between rooms').toEqual([])
  })

  test('lets fixtures import nothing of the project, and no product code import test support', async () => {
    const wrong: string[] = []
    for (const file of own) {
      const targets = await importsOf(file)
      if (file.startsWith('fixtures/') && !isTest(file))
        wrong.push(...targets.map((target) => `${file} -> ${target}`))
      if (!isTest(file)) wrong.push(...targets.filter(isTest).map((target) => `${file} -> ${target}`))
    }
    expect(wrong).toEqual([])
  })

  test('starts processes in helpers/process and nowhere else', async () => {
    const wrong: string[] = []
    for (const file of own.filter((source) => !isTest(source) && roomOf(source) !== 'helpers/process')) {
      const requests = (await requestsOf(file)).filter((request) => STARTS_PROCESSES.has(request))
      wrong.push(...requests.map((request) => `${file} -> ${request}`))
    }
    expect(wrong).toEqual([])
  })

  test('keeps files under 300 lines', async () => {
    const long: string[] = []
    for (const file of [...own, ...native]) {
      if ((await readFile(join(root, file), 'utf8')).split('\n').length > 300) long.push(file)
    }
    expect(long).toEqual([])
  })

  test('generates its image schema from helpers/images/criu.proto as it stands', async () => {
    const generated = join(root, 'helpers/images/generated/criu_pb.ts')
    const before = await readFile(generated, 'utf8')
    expect(await run('npm', 'run', 'generate')).toBe('')
    expect(await readFile(generated, 'utf8')).toBe(before)
  }, 60_000)
})

/** Tests and their support look at everything. */
const isTest = (file: string): boolean =>
  /\.(test|test-d|testing)\.ts$/.test(file) || file.startsWith('helpers/testing/')
const isApart = (file: string): boolean => isTest(file) || file.startsWith('fixtures/')
