import { describe, expect, test } from 'vitest'
import { medianOf } from '../stats/bootstrap.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { compile } from '../programs/compile.ts'
import { controlName, measureControl, measureMemoryControl, memoryControlName } from './control.ts'
import { localHost } from '../host/host.ts'
import { fixture } from '../installation/paths.ts'
import { start } from '../process/daemon.ts'
import { GB, MB } from '../units.ts'
import { run, type Finished } from '../process/process.ts'

describe('the control', () => {
  test('takes a measurable time, and leaves nothing behind', async () => {
    await expectNothingLeft(async () => expect(await measureControl(localHost)).toBeGreaterThan(0))
  })

  test('takes longer on a busy machine', async () => {
    const quiet = await medianOfIdle()
    const argv = ['taskset', '--cpu-list', '0', 'sh', '-c', 'while :; do :; done']
    await using busy = new AsyncDisposableStack()
    for (let count = 0; count < 4; count++) busy.use(start(localHost, { argv, failed: 'cannot spin', fix: 'none' })) // prettier-ignore
    expect(await medianOfIdle()).toBeGreaterThan(1.5 * quiet)
  })

  test('has a name with a hash of its content', async () => {
    expect(await controlName()).toMatch(/^control-[0-9a-f]{16}$/)
  })

  test('reports the operation that failed', async () => {
    await expect(runControl(['setpriv', '--reuid=65534', '--clear-groups'])).rejects.toThrow(
      'control: cannot clone a process in new namespaces: Operation not permitted',
    )
  })
})

describe('the control for memory', () => {
  test('takes longer for more memory, up to 64 MB, and leaves nothing behind', async () => {
    await expectNothingLeft(async () => {
      const small = await measureMemoryControl(localHost, MB)
      expect(await measureMemoryControl(localHost, 64 * MB)).toBeGreaterThan(4 * small)
    })
    expect(await memoryControlName(MB)).toMatch(/^memory-control-[0-9a-f]{16} 1048576$/)
    expect(await memoryControlName(GB)).toBe(await memoryControlName(64 * MB))
  })

  test('reports what is wrong with its argument', async () => {
    const argv = [await compile(fixture('programs/memory-control.c')), 'much']
    const running = run(localHost, { argv, failed: 'cannot measure', fix: 'none', timeout: 5000 })
    await expect(running).rejects.toThrow('memory-control: expected one argument, a number of bytes')
  })
})

/** Median time of the control on processor 0 at idle priority, ns. */
async function medianOfIdle(): Promise<number> {
  const times: number[] = []
  for (let count = 0; count < 3; count++)
    times.push(Number((await runControl(['taskset', '--cpu-list', '0', 'chrt', '--idle', '0'])).stdout))
  return medianOf(times)
}

/** Runs the control by the command in `prefix`. */
const runControl = async (prefix: readonly string[]): Promise<Finished> =>
  run(localHost, {
    argv: [...prefix, await compile(fixture('programs/control.c'))],
    failed: 'cannot measure',
    fix: 'be root',
    timeout: 30_000,
  })
