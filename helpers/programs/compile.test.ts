import { symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { outcomeOf } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { steady } from '../testing/messages.ts'
import { compile, compileInto } from './compile.ts'

const program = (status: number): string => `int main(void) { return ${status}; }\n`

describe('a C program', () => {
  test('compiled into a folder lies there under a name of its content', async () => {
    await using folder = await temporaryFolder()
    const source = join(folder.path, 'program.c')
    await writeFile(source, program(7))
    const seven = await compileInto(folder.path, source)
    await writeFile(source, program(8))
    const eight = await compileInto(folder.path, source)
    expect([dirname(seven), basename(seven)]).toEqual([
      folder.path,
      expect.stringMatching(/^program-\w{16}$/),
    ])
    expect((await outcomeOf([seven])).status).toBe(7)
    expect((await outcomeOf([eight])).status).toBe(8)
  })

  test('with a warning is refused', async () => {
    await using folder = await temporaryFolder()
    const source = join(folder.path, 'program.c')
    await writeFile(source, 'int main(int unused, char **unused_too) { return 0; }\n')
    await expect(compile(source)).rejects.toThrow(/unused parameter/)
  })

  test('that was not compiled before needs a compiler, which is named', async () => {
    await using folder = await temporaryFolder()
    const source = join(folder.path, 'program.c')
    await writeFile(source, program(process.pid))
    const { stdout } = await outcomeOf(['sh', '-c', 'command -v setpriv'])
    await symlink(stdout.trim(), join(folder.path, 'setpriv'))
    const script = `import(${JSON.stringify(join(import.meta.dirname, 'compile.ts'))})
      .then(({ compile }) => compile(${JSON.stringify(source)})).catch((error) => console.error(error.message))`
    const { stderr } = await outcomeOf([process.execPath, '--eval', script], { PATH: folder.path })
    expect(steady(stderr, [folder.path, 'FOLDER'])).toMatchInlineSnapshot(`
      "cannot compile FOLDER/program.c
        found:    gcc exited with 127
        expected: exit status 0
        fix:      apt-get install gcc libc6-dev
        log:      setpriv: failed to execute gcc: No such file or directory
      "
    `)
  })
})
