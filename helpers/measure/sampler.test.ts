import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { tmpfs } from '../filesystems/tmpfs.ts'
import { localHost } from '../host/host.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { spin } from '../testing/spin.ts'
import { MB } from '../units.ts'
import { NoiseMonitor } from './noise.ts'
import { restoreSubject } from './restores.ts'
import { takeSamples, type Effort, type Subject } from './sampler.ts'

/** Takes samples of subjects that record each call in `order`. */
async function sampled(names: readonly string[], effort: Effort, milliseconds = 0) {
  const order: string[] = []
  const titles: string[] = []
  const subjects = names.map((name): Subject<{ name: string }> => ({
    noun: 'iteration',
    control: undefined,
    setUp: async () => void order.push(`set up ${name}`),
    measure: async (isLast) => {
      await delay(milliseconds)
      order.push(isLast ? `${name} (last)` : name)
      return { name }
    },
    progress: (which) => void titles.push(which),
  }))
  const samples = await takeSamples(subjects, effort, new NoiseMonitor())
  return { samples, titles, order }
}

describe('subjects', () => {
  test('are measured in turn, once a round, and are told which sample is the last', async () => {
    const { samples, order } = await sampled(['one', 'other'], { iterations: 2, warmup: 1 })
    expect(order.filter((each) => !each.startsWith('set up'))).toEqual([
      'one',
      'other',
      'one',
      'other',
      'one (last)',
      'other (last)', // prettier-ignore
    ])
    expect(order.slice(0, 2)).toEqual(['set up one', 'one'])
    expect(samples.map((each) => each.map(({ name }) => name))).toEqual([
      ['one', 'one'],
      ['other', 'other'],
    ])
  })

  test('report the number of each sample, and how many there will be', async () => {
    const { titles } = await sampled(['one'], { iterations: 2, warmup: 1 })
    expect(titles).toEqual(['warm-up iteration', 'iteration 1/2', 'iteration 2/2'])
    const { titles: timed } = await sampled(['one'], { iterations: 1, warmup: 0, time: 1 }, 5)
    expect(timed[0]).toBe('iteration 1, at least 1 in 0.001 s')
  })

  test('are sampled until their time is over, each equally often', async () => {
    const { samples } = await sampled(['one', 'other'], { iterations: 1, warmup: 0, time: 100 }, 10)
    const [one = [], other = []] = samples
    // 200 ms for both at 20 ms a round, or longer on a busy machine.
    expect(one.length).toBeGreaterThan(1)
    expect(other).toHaveLength(one.length)
  })
})

test('a sample is labelled if the control before it took much longer than usual', async () => {
  // So many programs that others do not matter keep every processor busy, during the controls of the sixth sample alone.
  let count = 0
  const busy = () => count === 6
  const subject: Subject<{ name: string }> = {
    noun: 'iteration',
    control: { host: localHost, size: MB },
    setUp: async () => {
      count += 1
      if (busy()) programs = spin(localHost, 32)
    },
    measure: async () => {
      if (busy()) await programs?.[Symbol.asyncDispose]()
      return { name: String(count) }
    },
    progress: () => {},
  }
  let programs: AsyncDisposable | undefined
  const [samples = []] = await takeSamples([subject], { iterations: 11, warmup: 0 }, new NoiseMonitor())
  expect(samples[5]?.noise?.join()).toMatch(/the control took [\d.]+ × as long as usual/)
})

test('a sample of a restore includes the times of both controls', async () => {
  await withCheckpoint({}, async (checkpoint) => {
    await using mounted = {
      name: tmpfs.name,
      point: '/',
      description: '',
      [Symbol.asyncDispose]: async () => {},
    }
    const subject = restoreSubject(checkpoint, mounted)
    const [[sample] = []] = await takeSamples([subject], { iterations: 1, warmup: 0 }, new NoiseMonitor([localHost])) // prettier-ignore
    expect(sample?.control).toBeGreaterThan(0)
    expect(sample?.memoryControl).toBeGreaterThan(0)
    expect(sample?.checksum).toBe(checkpoint.checksum)
  })
})
