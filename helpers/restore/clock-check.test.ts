import { expect, test } from 'vitest'
import { launch } from '../container/launcher.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf } from '../testing/messages.ts'
import { checkClock } from './clock-check.ts'

const MS = 1_000_000n

test('a sample is refused if the clock was set while it was taken, forwards or backwards', async () => {
  await expectNothingLeft(async () => {
    await using sandbox = await openSandbox(CONTAINER)
    const launched = await launch(sandbox, { name: CONTAINER, rootfs: '/', command: ['sleep', '0.02'], timeout: 10_000 }) // prettier-ignore
    const { containerStarted, restoreStarted, containerGone, monotonic } = launched
    const spawned = containerStarted - MS
    const points = { spawned, containerStarted, restoreStarted, handlerEnded: containerGone, containerGone }
    // The real one: both clocks agree.
    checkClock(points, monotonic)
    // A step inside of the execution: all points stay in order.
    const forwards = {
      ...points,
      handlerEnded: containerGone + 5n * MS,
      containerGone: containerGone + 5n * MS,
    }
    const backwards = {
      ...points,
      handlerEnded: containerGone - 5n * MS,
      containerGone: containerGone - 5n * MS,
    }
    for (const stepped of [forwards, backwards])
      expect(await messageOf(() => checkClock(stepped, monotonic))).toMatch(
        /^cannot use a sample: the clock was set while it was taken\n {2}found: {4}[\d.]+ ms on CLOCK_REALTIME, [\d.]+ ms on CLOCK_MONOTONIC; spawned=/,
      )
    // Before the launcher: the points are not in order.
    expect(
      await messageOf(() => checkClock({ ...points, spawned: containerGone + MS }, monotonic)),
    ).toContain('the clock was set')
  })
})
