import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { MARK } from '../../reports/comment.ts'
import { judged, later, recorded } from '../../reports/recorded.testing.ts'
import { CLI, outcomeOf, type Ended } from '../testing/commands.ts'
import { API, temporaryProject } from '../testing/projects.ts'

const configOf = (plugins: string, rest = ''): string =>
  `import { criu } from '${API}'\nexport default { plugins: [${plugins}], ${rest} }\n`
const OWN_FOLDERS = "criu({ output: 'build/criu', baselines: 'build/kept', sizes: ['4096GB'] })"
const RESULTS = {
  'build/criu/results.json': JSON.stringify(recorded),
  'build/kept/main.json': JSON.stringify(later(recorded, -1, 1)),
}

/** Runs commands in a project with these files. */
async function inProject(
  files: Readonly<Record<string, string>>,
  action: (command: (...args: string[]) => Promise<Ended>, folder: string) => Promise<void>,
): Promise<void> {
  await using project = await temporaryProject({ 'package.json': '{}', ...files })
  await action((...args) => outcomeOf([...CLI, ...args], {}, project.path), project.path)
}

test('report, comment, compare and doctor read the folders and sizes of vitest’s configuration', async () => {
  await inProject({ 'vitest.config.mts': configOf(OWN_FOLDERS), ...RESULTS }, async (command, folder) => {
    expect((await command('report')).stdout).toMatch(/^build\/criu: results\.json, /)
    expect(await readFile(join(folder, 'build/criu/results.html'), 'utf8')).toContain('of 2 runs')
    const [comment, compared, doctor] = await Promise.all([
      command('comment'),
      command('compare', 'main', 'build/criu/results.json', '--json'),
      command('doctor', '--json'),
    ])
    expect(comment.stdout).toContain(`${MARK}\n\n### A 1MB process starts`)
    const { outcome, figures } = z.object({ outcome: z.string(), figures: z.array(z.looseObject({ name: z.string() })) }).parse(JSON.parse(compared.stdout)) // prettier-ignore
    expect([outcome, compared.status]).toEqual(['inconclusive', 3])
    expect(figures[0]?.name).toMatch(/^tmpfs 1MB mapped python > /)
    const findings = z.array(z.object({ ok: z.boolean(), name: z.string(), found: z.string(), fix: z.string().optional() })).parse(JSON.parse(doctor.stdout)) // prettier-ignore
    expect(findings.find(({ name }) => name === 'memory')?.fix).toContain('to measure 4194304MB')
    expect(findings.at(-1)).toEqual({ ok: true, name: 'configuration', found: 'results in build/criu' })
  })
})

test('the options of a project among several are read, and a folder without a configuration has the defaults', async () => {
  const config = `import { criu } from '${API}'\nexport default { test: { projects: [{ test: { name: 'a' } }, { plugins: [${OWN_FOLDERS}], test: { name: 'b' } }] } }\n`
  await inProject({ 'vitest.config.mts': config, ...RESULTS }, async (command, folder) => {
    expect((await command('report')).stdout).toMatch(/^build\/criu: /)
    await writeFile(join(folder, 'vitest.config.mts'), 'export default {}\n')
    expect((await command('report')).stderr).toContain('cannot read the results reports/out/results.json')
  })
})

test('a configuration that vitest cannot load is named, with the fix', async () => {
  await inProject({ 'vitest.config.mts': "throw new Error('on purpose')\n" }, async (command) => {
    const { status, stderr } = await command('report')
    expect(status).toBe(1)
    expect(stderr).toMatch(/cannot read vitest's configuration\n  found:    .*on purpose/)
  })
})

test('comment has the verdicts first, then what changed, then every table, folded', async () => {
  await inProject({ 'results.json': JSON.stringify(judged) }, async (command, folder) => {
    const file = join(folder, 'comment.md')
    expect(await command('comment', 'results.json', '--output', file)).toMatchObject({
      status: 0,
      stdout: '',
    })
    const text = await readFile(file, 'utf8')
    const places = [MARK, '\n### ', '\n- regression: ', '\n| figure', '\n<details>', '\n| ms', '\n</details>'].map((part) => text.indexOf(part)) // prettier-ignore
    expect(places).toEqual(places.toSorted((one, other) => one - other))
    expect(places[0]).toBe(0)
    const changed = text.slice(text.indexOf('| figure'), text.indexOf('<details>'))
    expect(changed).toMatch(
      /^\| \w+ \d+MB \w+ python > [a-z ]+ \| +[\d.]+ \| +[\d.]+ \| +[\d.]+× \| ▲ regression/m,
    )
    expect(changed).not.toContain('✓ pass')
  })
})
