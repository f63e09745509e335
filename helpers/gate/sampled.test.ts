import { describe, expect, test } from 'vitest'
import { allSamples, sampledOf } from './sampled.ts'

/** Dumps that take 1, 2, 3, … ms; `disturbed` says which of them were. */
const dumps = (n: number, disturbed: (index: number) => boolean, setUp?: number) =>
  Array.from({ length: n }, (_, index) => ({
    total: index + 1,
    wall: index + 1,
    stats: {},
    control: 3,
    memoryControl: 5,
    ...(setUp !== undefined && { setUp }),
    ...(disturbed(index) && { noise: ['steal 4 %'] }),
  }))
const never = () => false
const always = () => true
const suite = { samples: [], control: 'control-1', memoryControl: 'memory-1' }

describe('the samples that the gate compares', () => {
  test('are kept apart by set-up, with their controls', () => {
    const sampled = sampledOf({ ...suite, dumps: [...dumps(2, never), ...dumps(3, never, 1)] }, 'dump')
    expect(sampled.setUps).toEqual([
      { samples: [1, 2], controls: { control: { program: 'control-1', times: [3, 3] }, memoryControl: { program: 'memory-1', times: [5, 5] } } },
      { samples: [1, 2, 3], controls: { control: { program: 'control-1', times: [3, 3, 3] }, memoryControl: { program: 'memory-1', times: [5, 5, 5] } } },
    ]) // prettier-ignore
  })

  test('are of one set-up if they do not name one, as in files of earlier versions', () => {
    expect(sampledOf({ ...suite, dumps: dumps(4, never) }, 'dump').setUps).toHaveLength(1)
  })

  test('have no control if one of them has none', () => {
    const [first, ...others] = dumps(4, never)
    const { control: _, ...uncontrolled } = first ?? { total: 1, wall: 1, stats: {} }
    const [setUp] = sampledOf({ ...suite, dumps: [uncontrolled, ...others] }, 'dump').setUps
    expect(Object.keys(setUp?.controls ?? {})).toEqual(['memoryControl'])
  })

  test('leave out disturbed ones', () => {
    const sampled = sampledOf({ ...suite, dumps: dumps(15, (index) => index > 9) }, 'dump')
    expect(allSamples(sampled)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(sampled).toMatchObject({ taken: 15, disturbed: 5, isDoubtful: false })
  })

  test('leave out a set-up of which more than a third was disturbed', () => {
    const sampled = sampledOf({ ...suite, dumps: [...dumps(9, (index) => index > 4), ...dumps(10, never, 1)] }, 'dump') // prettier-ignore
    expect(allSamples(sampled)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(sampled).toMatchObject({ taken: 19, disturbed: 4, isDoubtful: false })
  })

  test('are all of them, and doubtful, if the machine disturbed so many that too few are left', () => {
    const sampled = sampledOf({ ...suite, dumps: [...dumps(3, always), ...dumps(9, never, 1)] }, 'dump')
    expect(allSamples(sampled)).toHaveLength(12)
    expect(sampled.isDoubtful).toBe(true)
    expect(sampledOf({ ...suite, dumps: dumps(9, never) }, 'dump').isDoubtful).toBe(false)
    expect(sampledOf({ ...suite, dumps: [] }, 'dump').isDoubtful).toBe(false)
  })
})
