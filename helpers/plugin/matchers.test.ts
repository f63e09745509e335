import { describe, expect, test } from 'vitest'
import { statisticsOf } from '../stats/summary.ts'
import { MB } from '../units.ts'
import { messageOf } from '../testing/messages.ts'

const result = (phase: string, median: number, size = 64 * MB) => ({
  ...statisticsOf(phase, [median, median, median]),
  name: phase,
  criu: { filesystem: 'tmpfs', strategy: 'mapped', handler: 'python', size, phase },
})

describe('toMeetReference', () => {
  test('passes a median within the tolerance', () => expect(result('restore', 10)).toMeetReference())

  test('takes a tolerance of its own', () => {
    expect(result('restore', 100)).toMeetReference({ tolerance: 20 })
  })

  test('fails a median beyond it with every figure', async () => {
    expect(await messageOf(() => expect(result('restore', 33.94)).toMeetReference())).toMatchInlineSnapshot(
      `"tmpfs 64MB mapped > restore: median 33.9 ms (n=3) is 6.53 × the reference's 5.2 ms, beyond the tolerance of 2 ×"`,
    )
  })

  test('fails where there is nothing to meet', async () => {
    expect(await messageOf(() => expect(result('restore', 5, 3)).toMeetReference())).toMatchInlineSnapshot(
      `"tmpfs 3B mapped > restore: median 5.00 ms (n=3); the reference has no figure for it"`,
    )
  })

  test('fails what is no result of a phase', async () => {
    expect(await messageOf(() => expect(5).toMeetReference())).toMatchInlineSnapshot(
      `"toMeetReference() takes the result of bench(phase, checkpointed(pair)).run()"`,
    )
  })

  test('says the figures when it passes and was not to', async () => {
    expect(await messageOf(() => expect(result('restore', 5)).not.toMeetReference())).toMatchInlineSnapshot(
      `"tmpfs 64MB mapped > restore: median 5.00 ms (n=3) is 0.96 × the reference's 5.2 ms, within the tolerance of 2 ×"`,
    )
  })
})
