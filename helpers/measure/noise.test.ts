import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { setTimeout as delay } from 'node:timers/promises'
import { adviceOn, disturbanceBetween, measureNoise, NoiseMonitor, parseCpuTime, readCpuTime } from './noise.ts' // prettier-ignore
import { localHost } from '../host/host.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { spin } from '../testing/spin.ts'

const stat = (user: number, idle: number, steal: number): string =>
  `cpu  ${user} 0 0 ${idle} 0 0 0 ${steal} 0 0\n`
const pressure = (waited: number): string =>
  `some avg10=0.00 avg60=0.00 avg300=0.00 total=${waited}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n`
const account = (ticks: number): string => `12 (a name) S ${'0 '.repeat(10)}${ticks} 0 0 0 20 0\n`

/** The share that other programs used, in percent of a processor. 0 on a quiet machine. */
const shareOf = (found: readonly string[] | undefined): number =>
  Number(/other programs used (\d+) %/.exec(found?.join() ?? '')?.[1] ?? 0)

describe('noise', () => {
  test('is stolen time and time of other programs, but not time of this process and its children', () => {
    const before = parseCpuTime(stat(0, 0, 0), [account(0)], pressure(1000))
    const quiet = parseCpuTime(stat(50, 50, 0), [account(50)], pressure(1000))
    const busy = parseCpuTime(stat(90, 5, 5), [account(40), account(10)], pressure(126_000))
    expect(disturbanceBetween(before, quiet, 2)).toEqual({ steal: 0, others: 0, waited: 0 })
    // 100 ticks on two processors are half a second.
    expect(disturbanceBetween(before, busy, 2)).toEqual({ steal: 5, others: 80, waited: 25 })
  })

  test('does not include the CPU time of this process', async () => {
    const before = await readCpuTime()
    for (const end = performance.now() + 100; performance.now() < end;);
    const now = await readCpuTime()
    expect(now.own).toBeGreaterThan(before.own)
    expect(now.total).toBeGreaterThan(before.total)
  })

  test('does not include programs on the hosts under test', async () => {
    await using sandbox = await openSandbox(`vitest-criu-noise-${process.pid}`)
    await using _busy = spin(sandbox, 1)
    const withSandbox = new NoiseMonitor([sandbox])
    const withoutHosts = new NoiseMonitor()
    for (const monitor of [withSandbox, withoutHosts]) await monitor.read()
    await delay(1000)
    const [quiet, noisy] = await Promise.all([withSandbox.read(), withoutHosts.read()])
    expect(noisy?.join()).toMatch(/^other programs used \d+ % of a processor/)
    // Programs of other users count in both. What the busy one uses depends on them.
    expect(shareOf(noisy) - shareOf(quiet)).toBeGreaterThan(10)
  })

  test('is time in which processes wait for a processor', async ({ skip }) => {
    if (!existsSync('/proc/pressure/cpu')) skip('this kernel does not count waits: it needs CONFIG_PSI')
    const monitor = new NoiseMonitor()
    await using _busy = spin(localHost, 8)
    await monitor.read()
    await delay(1000)
    expect((await monitor.read())?.join()).toMatch(/processes waited for a processor \d+ % of the time/)
  })

  test('is measured before a run', async () => {
    const { virtualisation, load } = await measureNoise()
    expect(virtualisation).not.toBe('')
    expect(load).toBeGreaterThanOrEqual(0)
  })

  test('comes with advice on each source that a user can fix, and with none on a quiet machine', () => {
    const quiet = { load: 0.2, steal: 0, swapUsed: 0, virtualisation: 'kvm', governor: 'performance' }
    expect(adviceOn(quiet, 2)).toEqual([])
    const noisy = { load: 3, steal: 4.2, swapUsed: 1, virtualisation: 'kvm', governor: 'powersave' }
    expect(adviceOn(noisy, 2)).toHaveLength(4)
  })
})
