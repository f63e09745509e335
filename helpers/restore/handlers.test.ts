import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { HandlerDefinition } from '../handlers/definition.ts'
import { parseHandler } from '../handlers/definition.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { fixture } from '../installation/paths.ts'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { messageOf } from '../testing/messages.ts'
import { MB } from '../units.ts'
import { durationOf } from '../../reports/timeline.ts'
import { runPhases } from '../matrix/phases.ts'
import { restoringNames, strategyNamed } from '../strategies/index.ts'
import { runRestore, type Checkpoint, type RestoreSample } from './restore-run.ts'

/** What the process of fixtures/scenes/triggers.py gives away of its memory. */
const WORD = 'ahovctahov'

/** That process, with what sets it off and what shows that it is done. */
const waiting = (
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

const answering = waiting('socket', {
  ready: { socket: 'door' },
  trigger: { request: 'http://localhost/', method: 'POST', body: 'well?', socket: 'door' },
  done: 'response',
  checksum: ({ body }) => body,
})

/** Every way there is to set a handler off, and every sign that it is done. */
const WAYS = [
  waiting('stdin', { trigger: { stdin: 'go on\n' }, done: { line: `done ${WORD} go on` } }),
  waiting('file', { ready: { line: /^ready$/ }, trigger: { file: 'go' }, done: { file: 'gone' } }),
  waiting('lock', {
    cwd: '/var/spool',
    env: { LOCK_IS: 'a byte' },
    ready: { file: 'up' },
    trigger: 'lock',
    done: 'exit',
  }),
  answering,
  waiting('file', {
    ready: ({ folder }) => existsSync(join(folder, 'up')),
    trigger: { file: 'go' },
    done: async ({ folder }) => (await readFile(join(folder, 'gone'), 'utf8').catch(() => '')) === WORD,
  }),
]

/** All phases of a sample have been measured, and those before the cold start add up to it. */
function expectWhole(checkpoint: Checkpoint, { points }: RestoreSample): void {
  const phases = runPhases(checkpoint.handler, strategyNamed(checkpoint.restorable.strategy))
  const spans = phases.map((phase) => durationOf(points, phase) ?? Number.NaN)
  const sum = spans.slice(0, -1).reduce((one, other) => one + other)
  expect(Math.min(...spans)).toBeGreaterThan(0)
  expect(sum).toBeCloseTo(spans.at(-1) ?? Number.NaN, 6)
}

describe('a handler of any kind runs from a checkpoint and from scratch', () => {
  // oxlint-disable-next-line vitest/expect-expect -- expectWhole()
  test.each(WAYS)('set off and seen to be done, $name', async (handler) => {
    const strategies = ['plain', 'mapped', 'eager'].map(strategyNamed)
    await withCheckpoints({ handler, size: 16 * MB, strategies }, async (checkpoints) => {
      for (const checkpoint of checkpoints) {
        // Twice: nothing that the first one did may be there for the second.
        for (let round = 0; round < 2; round++) expectWhole(checkpoint, (await runRestore(checkpoint)).sample)
      }
    })
  })

  test('by a signal, from a checkpoint alone', async () => {
    const handler = waiting('signal', { trigger: { signal: 'SIGUSR1' }, done: { line: `done ${WORD}` } })
    const plan = { handler, size: 16 * MB }
    await withCheckpoints({ ...plan, strategies: [strategyNamed('eager')] }, async ([checkpoint]) => {
      if (!checkpoint) throw new Error('no checkpoint')
      expectWhole(checkpoint, (await runRestore(checkpoint)).sample)
    })
    const refused = messageOf(() =>
      withCheckpoints({ ...plan, strategies: [strategyNamed('plain')] }, async () => {}),
    )
    expect(await refused).toMatchInlineSnapshot(`
      "cannot start the by-signal handler from scratch
        found:    that SIGUSR1 sets it off
        expected: a trigger that waits for its handler: "lock", { file }, { stdin } or { request }
        fix:      measure it without the strategy "plain", or give it another trigger"
    `)
  })

  test.each(['python', 'native'])('the %s handler, whose startup and execution are its own', async (name) => {
    const plan = { handler: handlerNamed(name), size: 4 * MB, strategies: [strategyNamed('plain')] }
    await withCheckpoints(plan, async ([checkpoint]) => {
      if (!checkpoint) throw new Error('no checkpoint')
      const { sample } = await runRestore(checkpoint)
      expectWhole(checkpoint, sample)
      expect(sample.checksum).toBe(checkpoint.checksum)
      expect(sample.stats).toBeUndefined()
    })
  })

  test.each(['python-http', 'node-http'])('the server %s answers as it did before the dump', async (name) => {
    const handler = handlerNamed(name)
    const strategies = ['plain', ...restoringNames].map(strategyNamed)
    await withCheckpoints({ handler, size: handler.memory ?? 0, strategies }, async (checkpoints) => {
      for (const checkpoint of checkpoints) {
        const { sample } = await runRestore(checkpoint)
        expectWhole(checkpoint, sample)
        expect(sample.checksum).toMatch(/^[0-9a-f]{16}$/)
      }
    })
  })
})

const failing = (definition: Parameters<typeof waiting>[1]): Promise<string> =>
  messageOf(() =>
    withCheckpoints({ handler: waiting('socket', definition), size: 16 * MB }, async ([checkpoint]) => {
      if (!checkpoint) throw new Error('no checkpoint')
      await runRestore(checkpoint, { timeout: 3000 })
    }),
  )

describe('a handler that comes back, and not as it was,', () => {
  const request = { request: 'http://localhost/', socket: 'door' }

  test('fails for another answer', async () => {
    let asked = 0
    const checksum = ({ body }: { body: string }) => `${body}${asked++}`
    expect(await failing({ trigger: request, done: 'response', checksum })).toMatchInlineSnapshot(`
      "the restored process has other memory than the dumped one (16777216 bytes)
        found:    checksum ahovctahov 1
        expected: ahovctahov 0, from before the dump
        fix:      this is a wrong restore: keep the images, and report it"
    `)
  })

  test('fails for never being done', async () => {
    expect(await failing({ trigger: request, done: { line: 'finished' } })).toMatchInlineSnapshot(`
      "cannot restore on /var/lib/vitest-criu/rootfs in the lean container (eager)
        found:    exit status 1, and no word from the handler that it is done
        expected: exit status 0 and the handler done
        fix:      the handler came back and did not do what its \`done\` waits for: its own output is below
        log:      observe: the handler was not done within 2700 ms"
    `)
  })
})
