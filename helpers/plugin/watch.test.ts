import { spawn } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { benchProject } from '../testing/bench-project.ts'
import { VITEST } from '../testing/commands.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

const SUITE = "criu.restoreSuite({ handler: 'native', sizes: ['4MB', '64MB'] })"

/** The columns of each table that was printed. */
const tablesIn = (output: string): string[] =>
  [...output.matchAll(/^\| ms +\|(.*)\|\r?$/gm)].map(([, columns = '']) =>
    columns.replaceAll(/[|\s]+/g, ' ').trim(),
  )

test('the watch key t selects as -t does: 4MB is not 64MB, and a space is between suite and phase', async () => {
  await using folder = await benchProject(SUITE)
  await expectNothingLeft(async () => {
    // script(1) gives vitest a terminal.
    const command = `${process.execPath} ${VITEST} bench --configLoader native`
    const terminal = spawn('script', ['--quiet', '--flush', '--return', '--command', command, '/dev/null'], {
      cwd: folder.path,
      env: { PATH: process.env['PATH'], HOME: '/root', TERM: 'xterm', COLUMNS: '200', VITEST_CRIU_ITERATIONS: '1', VITEST_CRIU_WARMUP: '0' },
    }) // prettier-ignore
    let output = ''
    terminal.stdout
      .setEncoding('utf8')
      .on('data', (text: string) => (output += stripVTControlCharacters(text)))
    const until = (pattern: RegExp) => expect.poll(() => output, { timeout: 60_000 }).toMatch(pattern)
    const select = async (pattern: string): Promise<string[]> => {
      output = ''
      terminal.stdin.write('t')
      await until(/Input test name pattern/)
      terminal.stdin.write(pattern)
      await until(new RegExp(`› ${pattern}`))
      terminal.stdin.write('\r')
      await until(/Waiting for file changes/)
      return tablesIn(output)
    }
    try {
      await until(/Waiting for file changes/)
      expect(tablesIn(output)).toEqual(['4MB 64MB'])
      expect(await select('4MB')).toEqual(['4MB'])
      expect(await select('tmpfs 64mb mapped restore')).toEqual(['64MB'])
    } finally {
      const closed = new Promise((resolve) => terminal.once('close', resolve))
      terminal.stdin.write('q')
      await closed
    }
  })
})
