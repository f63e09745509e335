import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { tmpfs } from '../filesystems/tmpfs.ts'
import { localHost } from '../host/host.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { NoiseWatch } from './noise.ts'
import { restoreSubject } from './restores.ts'
import { takeSamples, type Effort, type Subject } from './sampler.ts'

/** Takes samples of subjects that note in `order` what happened. */
async function sampled(names: readonly string[], effort: Effort, milliseconds = 0) {
  const order: string[] = []
  const told: string[] = []
  const subjects = names.map((name): Subject<{ name: string }> => ({
    noun: 'iteration',
    controlOn: undefined,
    setUp: async () => void order.push(`set up ${name}`),
    measure: async (isLast) => {
      await delay(milliseconds)
      order.push(isLast ? `${name} (last)` : name)
      return { name }
    },
    progress: (which) => void told.push(which),
  }))
  const samples = await takeSamples(subjects, effort, new NoiseWatch())
  return { samples, told, order }
}

describe('subjects', () => {
  test('are measured in turn, each once in a round, and know their last sample', async () => {
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

  test('say which sample it is, and how many are to come', async () => {
    const { told } = await sampled(['one'], { iterations: 2, warmup: 1 })
    expect(told).toEqual(['warm-up iteration', 'iteration 1/2', 'iteration 2/2'])
    const { told: timed } = await sampled(['one'], { iterations: 1, warmup: 0, time: 1 }, 5)
    expect(timed[0]).toBe('iteration 1, at least 1 in 0.001 s')
  })

  test('get as many samples as their time has room for, each its own', async () => {
    const { samples } = await sampled(['one', 'other'], { iterations: 1, warmup: 0, time: 100 }, 10)
    const [one = [], other = []] = samples
    // 200 ms for both, at 20 ms a round; a busy machine takes longer for a round.
    expect(one.length).toBeGreaterThan(1)
    expect(other).toHaveLength(one.length)
  })
})

test('a sample of a restore has the control beside it', async () => {
  await withCheckpoint({}, async (checkpoint) => {
    await using mounted = {
      name: tmpfs.name,
      point: '/',
      description: '',
      [Symbol.asyncDispose]: async () => {},
    }
    const subject = restoreSubject(checkpoint, mounted)
    const [[sample] = []] = await takeSamples([subject], { iterations: 1, warmup: 0 }, new NoiseWatch([localHost])) // prettier-ignore
    expect(sample?.control).toBeGreaterThan(0)
    expect(sample?.checksum).toBe(checkpoint.checksum)
  })
})
