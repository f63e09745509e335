import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { messageOf } from '../testing/messages.ts'
import { localHost } from '../host/host.ts'
import { run, type Command } from './process.ts'

const shell = (script: string, more: Partial<Command> = {}): Promise<{ stdout: string; stderr: string }> =>
  run(localHost, {
    argv: ['sh', '-c', script],
    failed: 'cannot do it',
    fix: 'fix it',
    timeout: 20_000,
    ...more,
  })

describe('a command', () => {
  test('returns its output, with the last newline', async () => {
    expect(await shell('echo out; echo err >&2')).toMatchObject({
      exitCode: 0,
      stdout: 'out\n',
      stderr: 'err\n',
      report: '',
    })
  })

  test('returns what it wrote to descriptor 3, if asked for', async () => {
    expect(await shell('echo told >&3', { report: true })).toMatchObject({ report: 'told\n' })
  })

  test('passes on each line as it comes', async () => {
    const lines: string[] = []
    await shell('echo one; echo two >&2', { onLine: (line) => lines.push(line) })
    expect(lines.toSorted()).toEqual(['one', 'two'])
  })

  test('gets the variables that it is given', async () => {
    expect((await shell('echo "$A"', { env: { A: 'b' } })).stdout).toBe('b\n')
  })

  test('is killed at its limit, with every process that it started', async () => {
    const started = performance.now()
    let pid = 0
    const message = await messageOf(() =>
      shell('sleep 1000 & echo $!; wait', { timeout: 300, onLine: (line) => (pid = Number(line)) }),
    )
    expect(message.replace(String(pid), 'PID')).toMatchInlineSnapshot(`
      "cannot do it
        found:    sh still running after 0.3 s (killed with its process group)
        expected: an end within 0.3 s
        fix:      fix it
        log:      PID"
    `)
    expect(performance.now() - started).toBeGreaterThanOrEqual(300)
    while (existsSync(`/proc/${pid}/exe`)) await delay(5)
  })
})

describe('the error of a command has', () => {
  test('its exit status, and its last lines of output', async () => {
    expect(await messageOf(() => shell('seq 20 >&2; exit 3'))).toMatchInlineSnapshot(`
      "cannot do it
        found:    sh exited with 3
        expected: exit status 0
        fix:      fix it
        log:      9
                  10
                  11
                  12
                  13
                  14
                  15
                  16
                  17
                  18
                  19
                  20"
    `)
  })

  test('that the command is not installed', async () => {
    const missing = { namespacePrefix: [], root: '/' }
    const command = { argv: ['no-such-program'], failed: 'cannot do it', fix: 'install it', timeout: 1000 }
    expect(await messageOf(() => run(missing, command))).toMatchInlineSnapshot(`
      "cannot do it
        found:    no-such-program is not installed
        expected: exit status 0
        fix:      install it"
    `)
  })

  test('the signal that ended the command', async () => {
    expect(await messageOf(() => shell('kill -TERM $$'))).toMatchInlineSnapshot(`
      "cannot do it
        found:    sh was ended by SIGTERM
        expected: exit status 0
        fix:      fix it"
    `)
  })
})
