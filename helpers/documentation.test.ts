import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { VARIABLES } from './config/variables.ts'
import { PROJECT } from './testing/commands.ts'

/** Paths of all pages of the documentation. */
const PAGES = globSync('{*.md,{bench,fixtures,helpers,reports}/**/*.md}', {
  cwd: PROJECT,
  exclude: ['reports/out/**'],
})
const read = (path: string): string => readFileSync(join(PROJECT, path), 'utf8')
const Manifest = z.object({
  engines: z.object({ node: z.string() }),
  files: z.array(z.string()),
  scripts: z.record(z.string(), z.string()),
})
const manifest = Manifest.parse(JSON.parse(read('package.json')))

/** The files that npm packs in addition to `dist`. It adds the first two without being asked. */
const SHIPPED = ['README.md', 'LICENSE', ...manifest.files.filter((file) => file.endsWith('.md'))].filter(
  (file) => !file.startsWith('!'),
)

/** A page without its code, where brackets are not links. */
const prose = (path: string): string =>
  read(path)
    .replaceAll(/^```[^]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, '')

interface Link {
  /** Relative to the root of the project. */
  readonly path: string
  readonly anchor: string | undefined
}

const linksOf = (page: string): Link[] =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [path = '', anchor] = target.split('#')
      return { path: path === '' ? page : normalize(join(dirname(page), path)), anchor }
    })

/** Anchors as GitHub derives them from headings: only letters, digits, "-" and "_", and a number after a duplicate. */
function anchorsOf(page: string): string[] {
  const seen = new Map<string, number>()
  const headings = [
    ...read(page)
      .replaceAll(/^```[^]*?^```/gm, '')
      .matchAll(/^#+ (.+)$/gm),
  ]
  return headings.map(([, heading = '']) => {
    const anchor = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
    const count = seen.get(anchor) ?? 0
    seen.set(anchor, count + 1)
    return count === 0 ? anchor : `${anchor}-${count}`
  })
}

const isBroken = ({ path, anchor }: Link): boolean =>
  !existsSync(join(PROJECT, path)) || (anchor !== undefined && !anchorsOf(path).includes(anchor))

/** A file of an example without its first comment. */
const example = (file: string): string => read(`fixtures/examples/${file}`).replace(/^(\/\*\*|\/\/).*\n/, '')

describe('the documentation', () => {
  test('has a README of at most 130 lines', () => {
    expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(130)
  })

  test('quotes in README.md only figures of its table', () => {
    const lines = read('README.md').split('\n')
    const table = lines.filter((line) => line.startsWith('|')).join('\n')
    const [, cell = 'no cell', phase = '', size = ''] =
      /In `([^`]+)`, the ([a-z ]+) at (\d+MB)/.exec(read('README.md')) ?? []
    const [header = '', ...rows] = table.split('\n').map((line) => line.split('|').map((each) => each.trim()))
    expect(rows.find(([, name]) => name === phase)?.[header.indexOf(size)]).toBe(cell)
    const [, median, ratio] = /^(\S+) (\S+)×/.exec(cell) ?? []
    expect(prose('README.md')).toContain(`${median} is the median`)
    expect(prose('README.md')).toContain(`${ratio} is its ratio`)
    const restores = rows.find(([, name]) => name === 'restore')?.slice(2, -1).map(Number.parseFloat) ?? [] // prettier-ignore
    const [least, most] = [Math.min(...restores), Math.max(...restores)]
    expect(prose('README.md')).toMatch(
      new RegExp(`Restore takes\\s${least.toFixed(1)} to ${most.toFixed(1)} ms`),
    )
  })

  test('names the oldest supported version of Node in README.md, once', () => {
    const named = [...read('README.md').matchAll(/\bNode(?:\.js)? (\d[\d.]*)/g)].map(([, version]) => version)
    expect(named).toHaveLength(1)
    expect(manifest.engines.node).toMatch(new RegExp(`^\\^${named[0]?.replaceAll('.', '\\.')}\\.0 `))
  })

  test.each(PAGES)('%s has no broken link', (page) => {
    expect(linksOf(page).filter(isBroken)).toEqual([])
  })

  test.each(SHIPPED.filter((file) => file.endsWith('.md')))(
    '%s links only to files that the package ships',
    (page) => {
      const missing = linksOf(page).filter(({ path }) => !SHIPPED.includes(path))
      expect(missing).toEqual([])
    },
  )

  test('ships the README of every folder', () => {
    expect(SHIPPED).toEqual(expect.arrayContaining(PAGES.filter((page) => page.endsWith('README.md'))))
  })

  test.each(PAGES)('%s names only npm scripts that exist', (page) => {
    const named = [...read(page).matchAll(/npm run ([a-z]\w*)/g)].map(([, script = '']) => script)
    expect(named.filter((script) => !Object.hasOwn(manifest.scripts, script))).toEqual([])
  })

  // The changelog mentions former names.
  test.each(PAGES.filter((page) => page !== 'CHANGELOG.md'))(
    '%s names only environment variables that exist',
    (page) => {
      const named = [...read(page).matchAll(/VITEST_CRIU_\w+/g)].map(([name]) => name)
      expect(named.filter((name) => !Object.hasOwn(VARIABLES, name))).toEqual([])
    },
  )

  // helpers/package.test.ts runs each of these examples.
  test.each([
    ['README.md', 'node-server/server.mjs'],
    ['README.md', 'node-server/restore.bench.ts'],
    ['fixtures/README.md', 'node-server/restore.bench.ts'],
    ['fixtures/README.md', 'python-function/restore.bench.ts'],
  ])('%s quotes the example %s word for word', (page, file) => {
    expect(read(page)).toContain(`\n${example(file)}\`\`\``)
  })

  test('fixtures/README.md quotes the test of an example word for word', () => {
    const [shown] = /^test\('every restore[^]*?^}\)$/m.exec(read('fixtures/README.md')) ?? []
    expect(example('node-server/restore.test.ts')).toContain(shown ?? 'no test')
  })

  test('fixtures/README.md quotes the handler of an example word for word', () => {
    const [shown] = /^const pages = defineHandler[^]*?^}\)$/m.exec(read('fixtures/README.md')) ?? []
    expect(example('line-server/restore.test.ts')).toContain(shown ?? 'no handler')
  })

  test('explains only error messages that exist', () => {
    const sources = globSync('helpers/**/*.ts', { cwd: PROJECT, exclude: ['**/*.test.ts'] }).map(read)
    const [, table = ''] = read('helpers/cli/README.md').split('## Troubleshooting')
    const messages = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, message = '']) => message)
    const beginnings = messages.map((message) => message.split('…')[0] ?? '')
    expect(beginnings.length).toBeGreaterThan(15)
    expect(beginnings.filter((text) => !sources.some((source) => source.includes(text)))).toEqual([])
  })
})
