import { setTimeout as delay } from 'node:timers/promises'
import { readdir } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { hierarchies } from '../cgroup/cgroups.ts'
import { CLI, start, type Running } from '../testing/commands.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { NAME, withSteps } from './steps.testing.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const

/** Waits for a container of these sessions, while the step runs. */
async function untilContained(running: Running): Promise<void> {
  for (let isOver = false; !isOver;) {
    const names = await Promise.all((await hierarchies()).map((hierarchy) => readdir(hierarchy)))
    if (names.flat().some((name) => name.startsWith(NAME))) return
    isOver = await Promise.race([running.ended.then(() => true), delay(1, false)])
  }
  const { stdout, stderr } = await running.ended
  expect.fail(`the step ended without a container:\n${stdout}${stderr}`)
}

/** Starts a step, sends it a signal at that moment, and expects that nothing of it is left. */
const interrupted = (
  command: string,
  signal: NodeJS.Signals,
  variables: Readonly<Record<string, string>>,
  moment: (running: Running) => Promise<unknown>,
): Promise<void> =>
  expectNothingLeft(async () => {
    const running = start([...CLI, command], variables)
    await moment(running)
    // As from a terminal: Ctrl-C and its end reach the whole group.
    process.kill(signal === 'SIGINT' || signal === 'SIGHUP' ? -running.group : running.group, signal)
    const { status } = await running.ended
    expect(status).not.toBe(0)
  })

describe('a step by hand that is interrupted leaves no process and no cgroup', { timeout: 60_000 }, () => {
  test('dump and restore, by each signal', async () => {
    await withSteps(
      async ({ variables, runAll, failureOf }) => {
        await runAll('mount', 'rootfs')
        for (const signal of SIGNALS)
          await interrupted('dump', signal, variables, ({ says }) => says(/^TARGET_PID=/))
        expect(await failureOf('copy')).toContain('a rootfs without a dump')
        await runAll('dump', 'copy')
        for (const signal of SIGNALS) await interrupted('restore', signal, variables, untilContained)
        await runAll('restore', 'unmount')
      },
      // The restore that takes its time.
      { VITEST_CRIU_HANDLER: 'native', MEMORY_SIZE: '256MB', VITEST_CRIU_STRATEGIES: 'eager' },
    )
  })
})
