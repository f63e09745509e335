import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { filesystem } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { KB, MB } from '../units.ts'
import { prepare } from '../measure/prepare.ts'
import { strategyNamed } from '../strategies/index.ts'
import { runRestore } from './restore-run.ts'

const RESTORES = 50
const SIZE = 256 * MB
/** Enough for the private pages, page tables and containers of 50 processes. 50 copies would take 40 times as much. */
const LIMIT = 300 * MB

test('50 concurrent restores from one 256MB image set are correct, and share its memory', async () => {
  await expectNothingLeft(async () => {
    await using sandbox = await openSandbox(`vitest-criu-density-${process.pid}`)
    const plan = {
      filesystem: filesystem('tmpfs'),
      size: SIZE,
      handler: handlerNamed('native'),
      strategies: [strategyNamed('mapped')],
      containerName: sandbox.containerName,
      iterations: 1,
      warmup: 0,
    }
    await using prepared = await prepare(sandbox, plan, () => {})
    const [checkpoint] = prepared.checkpoints
    if (!checkpoint) throw new Error('no checkpoint')
    // A first restore, so that one-time costs such as compiled programs are not counted.
    await runRestore(checkpoint)

    const before = await available()
    const names = Array.from({ length: RESTORES }, (_, index) => `${sandbox.containerName}.${index}`)
    const running = Promise.all(names.map((containerName) => runRestore({ ...checkpoint, containerName })))
    const [runs, least] = await Promise.all([running, leastAvailable(running)])
    expect(runs.map(({ sample }) => sample.checksum)).toEqual(names.map(() => checkpoint.checksum))
    expect(before - least).toBeLessThan(LIMIT)
  })
}, 120_000)

async function available(): Promise<number> {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(await readFile('/proc/meminfo', 'utf8'))?.[1]) * KB
}

/** The least available memory until `running` ends, in bytes. */
async function leastAvailable(running: Promise<unknown>): Promise<number> {
  let least = await available()
  const ended = new AbortController()
  const end = (): void => ended.abort()
  running.then(end, end)
  while (!ended.signal.aborted) {
    least = Math.min(least, await available())
    await delay(5)
  }
  return least
}
