import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { VARIABLES } from './config/options.ts'
import { PROJECT } from './testing/commands.ts'

/** Every page of the documentation, by its path in the tree. */
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

/** What npm puts into the package beside `dist`; the first two it adds by itself. */
const SHIPPED = ['README.md', 'LICENSE', ...manifest.files.filter((file) => file.endsWith('.md'))].filter(
  (file) => !file.startsWith('!'),
)

/** A page without its code, in which brackets mean something else. */
const prose = (path: string): string =>
  read(path)
    .replaceAll(/^```[^]*?^```/gm, '')
    .replaceAll(/`[^`\n]*`/g, '')

interface Link {
  /** In the tree. */
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

/** As GitHub makes them of headings: letters, digits, "-" and "_" alone, and a number for one that is there already. */
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

/** A file of an example, without the comment at its beginning. */
const example = (file: string): string => read(`fixtures/examples/${file}`).replace(/^(\/\*\*|\/\/).*\n/, '')

describe('the documentation', () => {
  test('has a README of at most 130 lines', () => {
    expect(read('README.md').trimEnd().split('\n').length).toBeLessThanOrEqual(130)
  })

  test('names one version of Node in README.md, once: the oldest that the package takes', () => {
    const named = [...read('README.md').matchAll(/\bNode(?:\.js)? (\d[\d.]*)/g)].map(([, version]) => version)
    expect(named).toHaveLength(1)
    expect(manifest.engines.node).toMatch(new RegExp(`^\\^${named[0]?.replaceAll('.', '\\.')}\\.0 `))
  })

  test.each(PAGES)('%s has no broken link', (page) => {
    expect(linksOf(page).filter(isBroken)).toEqual([])
  })

  test.each(SHIPPED.filter((file) => file.endsWith('.md')))(
    '%s links in the package to what the package ships',
    (page) => {
      const missing = linksOf(page).filter(({ path }) => !SHIPPED.includes(path))
      expect(missing).toEqual([])
    },
  )

  test('ships the README of every folder', () => {
    expect(SHIPPED).toEqual(expect.arrayContaining(PAGES.filter((page) => page.endsWith('README.md'))))
  })

  test.each(PAGES)('%s names npm scripts that there are', (page) => {
    const named = [...read(page).matchAll(/npm run ([a-z]\w*)/g)].map(([, script = '']) => script)
    expect(named.filter((script) => !Object.hasOwn(manifest.scripts, script))).toEqual([])
  })

  // A changelog tells what had another name.
  test.each(PAGES.filter((page) => page !== 'CHANGELOG.md'))(
    '%s names environment variables that there are',
    (page) => {
      const named = [...read(page).matchAll(/VITEST_CRIU_\w+/g)].map(([name]) => name)
      expect(named.filter((name) => !Object.hasOwn(VARIABLES, name))).toEqual([])
    },
  )

  // Each of them is run by helpers/package.test.ts.
  test.each([
    ['README.md', 'node-server/server.mjs'],
    ['README.md', 'node-server/restore.bench.ts'],
    ['fixtures/README.md', 'node-server/restore.bench.ts'],
    ['fixtures/README.md', 'python-function/restore.bench.ts'],
  ])('%s shows the example %s as it is', (page, file) => {
    expect(read(page)).toContain(`\n${example(file)}\`\`\``)
  })

  test('shows the test of an example as it is', () => {
    const [shown] = /^test\('every start[^]*?^}\)$/m.exec(read('fixtures/README.md')) ?? []
    expect(example('node-server/restore.test.ts')).toContain(shown ?? 'no test')
  })

  test('explains error messages that there are', () => {
    const sources = globSync('helpers/**/*.ts', { cwd: PROJECT, exclude: ['**/*.test.ts'] }).map(read)
    const [, table = ''] = read('helpers/cli/README.md').split('## Troubleshooting')
    const messages = [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, message = '']) => message)
    const beginnings = messages.map((message) => message.split('…')[0] ?? '')
    expect(beginnings.length).toBeGreaterThan(15)
    expect(beginnings.filter((text) => !sources.some((source) => source.includes(text)))).toEqual([])
  })
})
