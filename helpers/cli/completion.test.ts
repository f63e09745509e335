import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cli, outcomeOf } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'

/** What each shell says to complete a command line; the script is at $1. */
const SHELLS = {
  bash: (words: readonly string[]) => `. "$1"; COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _vitest_criu; printf '%s\\n' "\${COMPREPLY[@]}"`, // prettier-ignore
  zsh: (words: readonly string[]) => `compdef() { :; }; _describe() { print -l -- $found; }; _files() { :; }; words=(${words.map((word) => `'${word}'`).join(' ')}); CURRENT=${words.length}; . "$1"; _vitest_criu`, // prettier-ignore
  fish: (words: readonly string[]) => `source $argv[1]; complete --do-complete '${words.join(' ')}'`,
}

test.for(Object.entries(SHELLS))('%s completes commands and options', async ([shell, scriptOf], { skip }) => {
  if (!existsSync(`/usr/bin/${shell}`)) skip(`${shell} is not installed`)
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'completion')
  await writeFile(file, (await cli(['completion', shell])).stdout)
  const completed = async (...words: string[]): Promise<string[]> => {
    const { stdout, stderr } = await outcomeOf([shell, '-c', scriptOf(words), ...(shell === 'fish' ? [] : [shell]), file]) // prettier-ignore
    expect(stderr).toBe('')
    return stdout.trim().split('\n').map((line) => line.split(/[\t:]/)[0] ?? '') // prettier-ignore
  }
  expect(await completed('vitest-criu', 're')).toEqual(expect.arrayContaining(['report', 'restore']))
  expect(await completed('vitest-criu', 'report', '--')).toEqual(
    expect.arrayContaining(['--history', '--output', '--help']),
  )
  expect(await completed('vitest-criu', 'report', '--')).not.toContain('--runs')
})

test('completion names the shells that it knows', async () => {
  const { status, stderr } = await cli(['completion', 'tcsh'])
  expect(status).toBe(1)
  expect(stderr).toContain('cannot complete commands in tcsh')
  expect(stderr).toContain('expected: one of bash, zsh, fish')
})
