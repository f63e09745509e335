import { describe, expect, test } from 'vitest'
import { startTimeOf } from '../proc/pids.ts'
import { openSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import { MB } from '../units.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf, steady } from '../testing/messages.ts'
import type { Handler } from './definition.ts'
import { handlerNamed, reporting } from './handler.ts'
import { startHandler } from './start.ts'

const NAME = `vitest-criu-start-${process.pid}`
const handlerOf = (...command: string[]): Handler => reporting('own', () => Promise.resolve(command))

const inSandbox = <T>(action: (sandbox: Sandbox) => Promise<T>): Promise<T> =>
  expectNothingLeft(async () => {
    await using sandbox = await openSandbox(NAME)
    return await action(sandbox)
  })

/** How a handler fails to start that runs this shell script. */
const starting = (script: string, limit?: number): Promise<string> =>
  inSandbox(async (sandbox) => {
    const own = handlerOf('sh', '-c', script, 'handler')
    return steady(await messageOf(() => startHandler(sandbox, own, MB, limit)))
  })

describe('a handler', () => {
  test.each(['python', 'native'])('in %s gets ready, waits, and ends with its scope', async (name) => {
    await inSandbox(async (sandbox) => {
      const waiting = await startHandler(sandbox, handlerNamed(name), MB)
      expect(waiting).toMatchObject({ name, size: MB })
      expect(waiting.checksum).toMatch(/^[0-9a-f]{8,16}$/)
      expect(await startTimeOf(waiting.pid, sandbox)).toBeDefined()
      await waiting[Symbol.asyncDispose]()
      expect(await startTimeOf(waiting.pid, sandbox)).toBeUndefined()
      await waiting[Symbol.asyncDispose]()
    })
  })

  test('of an unknown name is refused', async () => {
    expect(await messageOf(() => handlerNamed('ruby'))).toMatchInlineSnapshot(`
      "cannot use the handler "ruby"
        found:    "ruby"
        expected: one of python, native, python-http, node-http
        fix:      VITEST_CRIU_HANDLER=python"
    `)
  })

  test('that dies at once is told with its last words', async () => {
    expect(await starting('echo "no memory left" >&2; exit 1')).toMatchInlineSnapshot(`
      "the own handler did not get ready (pid PID, 1048576 bytes)
        found:    that it had ended
        expected: a line {"event":"ready",…} in /var/lib/vitest-criu/handler/report
        fix:      run its command by hand; it needs about three times its size in memory
        log:      no memory left"
    `)
  })

  test('whose program is missing is told', async () => {
    await inSandbox(async (sandbox) => {
      const message = await messageOf(() => startHandler(sandbox, handlerOf('/nonexistent/handler'), MB))
      expect(steady(message)).toMatchInlineSnapshot(`
        "the own handler did not get ready (pid PID, 1048576 bytes)
          found:    that it had ended
          expected: a line {"event":"ready",…} in /var/lib/vitest-criu/handler/report
          fix:      run its command by hand; it needs about three times its size in memory
          log:      setsid: failed to execute /nonexistent/handler: No such file or directory"
      `)
    })
  })

  test('that never gets ready is ended at its limit', async () => {
    expect(await starting('echo "still thinking"; exec sleep 1000', 300)).toMatchInlineSnapshot(`
      "the own handler did not get ready (pid PID, 1048576 bytes)
        found:    no word from it after 0.3 s
        expected: a line {"event":"ready",…} in /var/lib/vitest-criu/handler/report
        fix:      run its command by hand; it needs about three times its size in memory
        log:      still thinking"
    `)
  })

  test('that reports what is no report is ended', async () => {
    expect(await starting('echo ready >> "$3"; exec sleep 1000')).toMatchInlineSnapshot(`
      "cannot read the handler's report /var/lib/vitest-criu/handler/report
        found:    ready
        expected: a JSON line of event "ready" or "done", with its checksum and its time points
        fix:      let the handler append one such line when it is ready and one when it is done"
    `)
  })
})
