import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Handler, HandlerDefinition } from '../handlers/definition.ts'
import { parseHandler } from '../handlers/definition.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { fixture } from '../installation/paths.ts'
import { withCheckpoint, withCheckpoints } from '../testing/checkpoints.ts'
import { messageOf } from '../testing/messages.ts'
import { MB } from '../units.ts'
import { durationOf } from '../../reports/timeline.ts'
import { runPhases } from '../matrix/phases.ts'
import { restoringNames, strategyNamed } from '../strategies/index.ts'
import { runRestore, type Checkpoint, type RestoreSample } from './restore-run.ts'

/** The word in its memory that fixtures/scenes/triggers.py reports. */
const WORD = 'ahovctahov'

/** A handler that runs fixtures/scenes/triggers.py. `rest` has its trigger and its sign of being done. */
const triggerScene = (
  way: string,
  rest: Omit<HandlerDefinition, 'name' | 'command' | 'ready'> & Pick<Partial<HandlerDefinition>, 'ready'>,
) =>
  parseHandler({
    name: `by-${way}`,
    command: ({ folder }) => ['/usr/bin/python3', '-I', '-S', fixture('scenes/triggers.py'), way, folder],
    ready: { line: 'ready' },
    memory: 16 * MB,
    ...rest,
  })

const server = triggerScene('socket', {
  ready: { socket: 'door' },
  trigger: { request: 'http://localhost/', method: 'POST', body: 'well?', socket: 'door' },
  done: 'response',
  checksum: ({ body }) => body,
})

/** Handlers with every kind of trigger (except signals), and every sign of being done. */
const HANDLERS = [
  triggerScene('stdin', { trigger: { stdin: 'go on\n' }, done: { line: `done ${WORD} go on` } }),
  triggerScene('file', { ready: { line: /^ready$/ }, trigger: { file: 'go' }, done: { file: 'gone' } }),
  triggerScene('lock', {
    cwd: '/var/spool',
    env: { LOCK_IS: 'a byte' },
    ready: { file: 'up' },
    trigger: 'lock',
    done: 'exit',
  }),
  server,
  triggerScene('file', {
    ready: ({ folder }) => existsSync(join(folder, 'up')),
    trigger: { file: 'go' },
    done: async ({ folder }) => (await readFile(join(folder, 'gone'), 'utf8').catch(() => '')) === WORD,
  }),
]

/** Handlers that are called once more after a start from scratch. */
const CALLED_AGAIN = new Set(['by-socket', 'python', 'native', 'python-http', 'node-http'])

/** Expects that the second call of a handler came after the first, and was the warm call. */
function expectSecondCall({ points }: RestoreSample): void {
  const { handlerEnded, calledAgain = 0n, answeredAgain = 0n, containerGone } = points
  expect(calledAgain).toBeGreaterThanOrEqual(handlerEnded)
  expect(answeredAgain).toBeGreaterThan(calledAgain)
  expect(containerGone).toBeGreaterThan(answeredAgain)
  expect(durationOf(points, 'warm call')).toBe(Number(answeredAgain - calledAgain) / 1e6)
}

/** Expects that all phases of a sample were measured, and that they add up to the cold start. */
function expectAllPhases(checkpoint: Checkpoint, sample: RestoreSample): void {
  const { points } = sample
  const phases = runPhases(checkpoint.handler, strategyNamed(checkpoint.restorable.strategy))
  const spans = phases.map((phase) => durationOf(points, phase) ?? Number.NaN)
  const coldStart = phases.indexOf('cold start')
  const sum = spans.slice(0, coldStart).reduce((one, other) => one + other)
  expect(Math.min(...spans)).toBeGreaterThan(0)
  expect(sum).toBeCloseTo(spans[coldStart] ?? Number.NaN, 6)
  const isCalledAgain =
    checkpoint.restorable.strategy === 'plain' && CALLED_AGAIN.has(checkpoint.handler.name)
  expect(points.calledAgain !== undefined).toBe(isCalledAgain)
  if (isCalledAgain) expectSecondCall(sample)
}

describe('a handler can be restored, and started from scratch and then called once more,', () => {
  // oxlint-disable-next-line vitest/expect-expect -- expectAllPhases()
  test.each(HANDLERS)('with the trigger of $name', async (handler) => {
    const strategies = ['plain', 'mapped', 'eager'].map(strategyNamed)
    await withCheckpoints({ handler, size: 16 * MB, strategies }, async (checkpoints) => {
      for (const checkpoint of checkpoints) {
        // Twice, because the first run must not affect the second.
        for (let round = 0; round < 2; round++)
          expectAllPhases(checkpoint, (await runRestore(checkpoint)).sample)
      }
    })
  })

  test('with a signal as its trigger, but not from scratch', async () => {
    const handler = triggerScene('signal', { trigger: { signal: 'SIGUSR1' }, done: { line: `done ${WORD}` } })
    const plan = { handler, size: 16 * MB }
    await withCheckpoints({ ...plan, strategies: [strategyNamed('eager')] }, async ([checkpoint]) => {
      if (!checkpoint) throw new Error('no checkpoint')
      expectAllPhases(checkpoint, (await runRestore(checkpoint)).sample)
    })
    const refused = messageOf(() =>
      withCheckpoints({ ...plan, strategies: [strategyNamed('plain')] }, async () => {}),
    )
    expect(await refused).toMatchInlineSnapshot(`
      "cannot start the by-signal handler from scratch
        found:    the signal SIGUSR1 as its trigger, which would end a process that is still starting
        expected: a trigger that can wait for the handler: "lock", { file }, { stdin } or { request }
        fix:      measure the handler without the strategy "plain", or give it another trigger"
    `)
  })

  test(
    'but fails at once with the error of its own function `done`, which ends its container',
    { timeout: 15_000 },
    async () => {
      let isBroken = false
      const handler = triggerScene('file', {
        ready: { line: /^ready$/ },
        trigger: { file: 'go' },
        done: ({ folder }) => {
          if (isBroken) throw new Error('a mistake in done')
          return existsSync(join(folder, 'gone'))
        },
      })
      await withCheckpoints(
        { handler, size: 16 * MB, strategies: [strategyNamed('eager')] },
        async ([checkpoint]) => {
          isBroken = true
          expect(await messageOf(() => checkpoint && runRestore(checkpoint))).toBe('a mistake in done')
          isBroken = false
          // Its container has ended, or no other could have its name.
          expect((await (checkpoint && runRestore(checkpoint)))?.sample.checksum).toBe(checkpoint?.checksum)
        },
      )
    },
  )

  test.each(['python', 'native'])('and reports its startup and execution: %s', async (name) => {
    const plan = { handler: handlerNamed(name), size: 4 * MB, strategies: [strategyNamed('plain')] }
    await withCheckpoints(plan, async ([checkpoint]) => {
      if (!checkpoint) throw new Error('no checkpoint')
      const { sample } = await runRestore(checkpoint)
      expectAllPhases(checkpoint, sample)
      expect(sample.checksum).toBe(checkpoint.checksum)
      expect(sample.stats).toBeUndefined()
    })
  })

  test.each(['python-http', 'node-http'])('and answers requests: %s', async (name) => {
    const handler = handlerNamed(name)
    const strategies = ['plain', ...restoringNames].map(strategyNamed)
    await withCheckpoints({ handler, size: handler.memory ?? 0, strategies }, async (checkpoints) => {
      for (const checkpoint of checkpoints) {
        const { sample } = await runRestore(checkpoint)
        expectAllPhases(checkpoint, sample)
        expect(sample.checksum).toMatch(/^[0-9a-f]{16}$/)
      }
    })
  })
})

/** The points of a run that starts from scratch. */
const pointsOf = (handler: Handler) =>
  withCheckpoint({ handler, size: 16 * MB, strategies: [strategyNamed('plain')] }, async (checkpoint) => {
    const { points } = (await runRestore(checkpoint)).sample
    return { points, warmCall: durationOf(points, 'warm call') }
  })

/** Its second answer is an error. */
const once = (warmups: number) =>
  triggerScene('once', {
    ready: { socket: 'door' },
    trigger: { request: 'http://localhost/', socket: 'door' },
    done: 'response',
    warmups,
  })

describe('a start from scratch', () => {
  test('fails if the second call does', async () => {
    expect(await messageOf(() => pointsOf(once(1)))).toContain(
      'cannot use the answer of the by-once handler to a second call\n  found:    HTTP/1.0 500 Once Is Enough\n',
    )
  })

  test('is called once if its handler never answered twice', async () => {
    const { points, warmCall } = await pointsOf(once(0))
    expect(points.calledAgain).toBeUndefined()
    expect(warmCall).toBeUndefined()
  })
})

const failureOf = (definition: Parameters<typeof triggerScene>[1]): Promise<string> =>
  messageOf(() =>
    withCheckpoints({ handler: triggerScene('socket', definition), size: 16 * MB }, async ([checkpoint]) => {
      if (!checkpoint) throw new Error('no checkpoint')
      await runRestore(checkpoint, { timeout: 3000 })
    }),
  )

describe('a restored handler', () => {
  const request = { request: 'http://localhost/', socket: 'door' }

  test('fails if its answer differs from the one before the dump', async () => {
    let asked = 0
    const checksum = ({ body }: { body: string }) => `${body}${asked++}`
    expect(await failureOf({ trigger: request, done: 'response', checksum })).toMatchInlineSnapshot(`
      "the restored process gave another answer, or has the wrong memory (eager, 16777216 bytes)
        found:    the checksum ahovctahov 1
        expected: the checksum ahovctahov 0, from before the dump
        fix:      if the answer may differ, give \`checksum\` to defineHandler({ … }): a function, or false; if not, keep the images, and report a bug in vitest-criu"
    `)
  })

  test('fails if it prints another answer each time, unless its definition allows that', async () => {
    const code =
      "import random; print('ready', flush=True); input(); print(random.random(), 'done', flush=True); input()"
    const printed = async (checksum?: false): Promise<string> => {
      const handler = parseHandler({
        name: 'random',
        command: ['/usr/bin/python3', '-I', '-S', '-c', code],
        memory: 16 * MB,
        ready: { line: 'ready' },
        trigger: { line: 'go' },
        done: { line: 'done' },
        ...(checksum === false && { checksum }),
      })
      return withCheckpoint({ handler, size: 16 * MB }, (checkpoint) =>
        runRestore(checkpoint).then(
          ({ sample }) => sample.checksum,
          (error: Error) => error.message,
        ),
      )
    }
    expect(await printed()).toMatch(/^the restored process gave another answer/)
    expect(await printed(false)).toBe('not checked')
  })

  test('fails if it is never done', async () => {
    let isRestored = false
    const done = () => !isRestored
    const restored = { trigger: request, done, checksum: () => String((isRestored = true)) }
    expect(await failureOf(restored)).toMatchInlineSnapshot(`
      "the by-socket handler failed after its restore on /var/lib/vitest-criu/rootfs in the lean container (eager)
        found:    the handler was not done within 2700 ms
        expected: a handler that fulfils its \`done\`, and ends without an error
        fix:      read its output below; if it fails with the strategy plain as well, the restore is not the cause
        log:      observe: the handler was not done within 2700 ms"
    `)
  })
})
