import { readdir, readFile, writeFile } from 'node:fs/promises'
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
