import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { localHost } from '../host/host.ts'
import { startTimeOf } from '../proc/stat.ts'
import { outcomeOf } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf } from '../testing/messages.ts'
import { converse, converseWithSurvivor } from './dialogue.ts'

const shell = (script: string, timeout = 5000) => ({
  argv: ['sh', '-c', script],
  failed: 'cannot talk to it',
  fix: 'fix it',
  timeout,
})

describe.each([
  ['a command', (script: string, timeout?: number) => converse(localHost, shell(script, timeout))],
  ['a command that outlives this process', (script: string, timeout?: number) => converseWithSurvivor(shell(script, timeout))], // prettier-ignore
])('%s', (_, open) => {
  test('answers each line with a line, and ends with its input', async () => {
    await using dialogue = open('while read -r line; do echo "heard $line"; done; echo over')
    expect(await dialogue.ask('one')).toBe('heard one')
    expect(await dialogue.ask('two')).toBe('heard two')
    expect(await dialogue.close()).toEqual(['over'])
    expect(await dialogue.close()).toEqual(['over'])
  })

  test('that ends without an answer is an error with its status', async () => {
    await using dialogue = open('read -r line; exit 3')
    expect(await messageOf(() => dialogue.ask('one'))).toContain('found:    sh exited with 3')
  })

  test('that ends without an answer is an error with its own words, although a process that it started goes on', async () => {
    await using dialogue = open('read -r line; sleep 3 & echo "no room" >&2; kill -KILL $$')
    const before = performance.now()
    const message = await messageOf(() => dialogue.ask('one'))
    expect(message).toContain('found:    sh was ended by SIGKILL')
    expect(message).toContain('log:      no room')
    expect(performance.now() - before).toBeLessThan(3000)
  })

  test('that does not answer is killed at the limit of the question', async () => {
    await using dialogue = open('exec sleep 1000')
    const message = await messageOf(() => dialogue.ask('one', 200))
    expect(message).toContain('found:    sh still running after 0.2 s (killed with its process group)')
    expect(message).toContain('expected: an end within 0.2 s')
  })

  test('that does not end with its input is killed at its limit', async () => {
    const dialogue = open('read -r line; echo $$; exec sleep 1000', 300)
    const pid = Number(await dialogue.ask('who are you?'))
    await dialogue.close()
    expect(await startTimeOf(pid)).toBeUndefined()
  })
})

test('a survivor has the variables that it is given, and nothing else', async () => {
  const argv = ['/usr/bin/env', '--null']
  await using dialogue = converseWithSurvivor({ ...shell(''), argv, env: { PATH: '/bin', A: 'b' } })
  expect((await dialogue.close()).join('')).toBe('PATH=/bin\0A=b\0')
})

test.each(['SIGKILL', 'SIGINT'] as const)(
  'a survivor cleans up after a process that ends by %s, group and all',
  async (signal) => {
    await using folder = await temporaryFolder()
    const done = join(folder.path, 'done')
    const module = JSON.stringify(join(import.meta.dirname, 'dialogue.ts'))
    // The signal goes to the whole group, as Ctrl-C does.
    const script = `import(${module}).then(async ({ converseWithSurvivor }) => {
      const argv = ['/bin/sh', '-c', 'read -r line; echo ready; read -r line; /usr/bin/touch ${done}']
      await converseWithSurvivor({ argv, failed: '', fix: '', timeout: 5000 }).ask('ready?')
      process.kill(0, '${signal}')
    })`
    expect((await outcomeOf([process.execPath, '--eval', script])).status).toBe(signal)
    await expect.poll(() => existsSync(done), { timeout: 5000 }).toBe(true)
  },
)
