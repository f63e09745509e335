import { readdir, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { outcomeOf } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { steady } from '../testing/messages.ts'
import { compile, compileInto } from './compile.ts'

const program = (status: number): string => `int main(void) { return ${status}; }\n`

describe('compiling a C program', () => {
  test('names the binary by the content of its sources', async () => {
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

  test('adds the shared sources whose headers it includes', async () => {
    await using folder = await temporaryFolder()
    const source = join(folder.path, 'program.c')
    await writeFile(
      source,
      '#include "die.h"\nconst char program_name[] = "x";\nint main(void) { die(9, "no"); }\n',
    )
    const binary = await compileInto(folder.path, source)
    expect(await outcomeOf([binary])).toMatchObject({ status: 9, stderr: 'x: no\n' })
  })

  test('works twenty times at once', async () => {
    await using folder = await temporaryFolder()
    const source = join(folder.path, 'program.c')
    await writeFile(source, program(7))
    const binaries = await Promise.all(
      Array.from({ length: 20 }, () => compileInto(join(folder.path, 'cache'), source)),
    )
    expect(new Set(binaries).size).toBe(1)
    expect(await readdir(join(folder.path, 'cache'))).toEqual([basename(binaries[0] ?? '')])
    expect((await outcomeOf([binaries[0] ?? ''])).status).toBe(7)
  })

  test('refuses a program with a warning', async () => {
    await using folder = await temporaryFolder()
    const source = join(folder.path, 'program.c')
    await writeFile(source, 'int main(int unused, char **unused_too) { return 0; }\n')
    await expect(compile(source)).rejects.toThrow(/unused parameter/)
  })

  test('names the compiler that is missing', async () => {
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
