import { globSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { parseHandler, type HandlerDefinition } from '../handlers/definition.ts'
import { localHost } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { strategyNamed } from '../strategies/index.ts'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { PROJECT } from '../testing/commands.ts'
import { MB } from '../units.ts'
import { startRestore, type Checkpoint } from './restore-run.ts'

const README = readFileSync(join(PROJECT, 'helpers/README.md'), 'utf8')

/** The rows of the table in helpers/README.md: whether that is isolated, and what tests it. */
const ROWS = [...README.matchAll(/^\| [^|\n]+ \| (yes|no) +\|[^|\n]*\|([^|\n]*)\|$/gm)].map(
  ([, isolated, tests = '']) => ({
    isolated: isolated === 'yes',
    tests: [...tests.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name),
  }),
)
const testsOf = (isolated: boolean): string[] =>
  ROWS.filter((row) => row.isolated === isolated).flatMap(({ tests }) => tests)

/** A handler that tries to reach what is not its own: fixtures/scenes/trespassing.py. */
const trespassing = (more: Partial<HandlerDefinition> = {}) =>
  parseHandler({
    name: 'trespassing',
    command: ({ folder }) => [
      '/usr/bin/python3',
      '-I',
      '-S',
      fixture('scenes/trespassing.py'),
      folder,
      SOCKET,
    ],
    ready: { file: 'up' },
    trigger: { file: 'go' },
    done: { file: 'tried' },
    // It would try all this on the machine before the dump.
    checksum: false,
    ...more,
  })

const SOCKET = `vitest-criu-test-${process.pid}`

const Tried = z.record(z.string(), z.boolean())

/** The attempts of a sample, and whether they succeeded. */
async function triedBy(checkpoint: Checkpoint): Promise<Record<string, boolean>> {
  const { folder, ended } = await startRestore(checkpoint)
  await ended
  return Tried.parse(JSON.parse(await readFile(join(folder, 'tried'), 'utf8')))
}

/** Calls `action` for each strategy, while the machine has an abstract socket and shared memory that can be found. */
async function onCheckpoints(
  handler: ReturnType<typeof trespassing>,
  strategies: readonly string[],
  action: (tried: Record<string, boolean>, strategy: string) => void,
): Promise<void> {
  const facts = { failed: 'cannot make shared memory', fix: 'install util-linux', timeout: 5000 }
  const server = createServer().listen(`\0${SOCKET}`)
  await once(server, 'listening')
  const { stdout } = await run(localHost, { argv: ['ipcmk', '--shmem', '4096'], ...facts })
  try {
    const plan = { handler, size: 16 * MB, strategies: strategies.map(strategyNamed) }
    await withCheckpoints(plan, async (checkpoints) => {
      for (const checkpoint of checkpoints) action(await triedBy(checkpoint), checkpoint.restorable.strategy)
    })
  } finally {
    await run(localHost, { argv: ['ipcrm', '--shmem-id', stdout.replace(/\D+/g, '')], ...facts })
    server.close()
  }
}

const successesIn = (tried: Record<string, boolean>): string[] =>
  Object.keys(tried).filter((name) => tried[name])

describe('a handler in a container', () => {
  test('reaches what the table in helpers/README.md says, and nothing else', async () => {
    await onCheckpoints(trespassing(), ['mapped', 'lazy', 'eager', 'plain'], (tried, strategy) => {
      expect(successesIn(tried).toSorted(), strategy).toEqual(testsOf(false).toSorted())
      expect([...testsOf(true), ...testsOf(false)]).toEqual(expect.arrayContaining(Object.keys(tried)))
    })
  })

  test("reaches the machine's network with `network: false`", async () => {
    await onCheckpoints(trespassing({ network: false }), ['eager'], (tried) => {
      expect(successesIn(tried).toSorted()).toEqual([...testsOf(false), 'connect to a socket'].toSorted())
    })
  })

  test('is not isolated with `privileged: true`', async () => {
    await onCheckpoints(trespassing({ privileged: true }), ['eager', 'plain'], (tried, strategy) => {
      const rights = ['chroot', 'mount', 'make a device', 'trace process 1', 'set the host name']
      expect(successesIn(tried), strategy).toEqual(expect.arrayContaining(rights))
    })
  })
})

test('each line of the table names attempts of the scene, or a test', () => {
  const sources = globSync('helpers/**/*.test.ts', { cwd: PROJECT })
  const texts = [fixture('scenes/trespassing.py'), ...sources.map((file) => join(PROJECT, file))].map((file) => readFileSync(file, 'utf8')) // prettier-ignore
  expect(ROWS.length).toBeGreaterThan(15)
  for (const { tests } of ROWS) {
    expect(tests).not.toEqual([])
    for (const name of tests)
      expect(
        texts.some((text) => text.includes(`'${name}'`) || text.includes(`"${name}"`)),
        name,
      ).toBe(true)
  }
})
