import { describe, expect, test } from 'vitest'
import { CriuBenchError, firstError } from './errors.ts'

const failure = (failed: string): CriuBenchError =>
  new CriuBenchError({ failed, found: 'a', expected: 'b', fix: 'c', log: `log of ${failed}` })

/** What is thrown when the work fails, and then each clean-up. */
async function thrownBy(work: unknown, ...cleanUps: readonly unknown[]): Promise<unknown> {
  try {
    await using undo = new AsyncDisposableStack()
    for (const cleanUp of cleanUps.toReversed())
      undo.defer(() => {
        throw cleanUp
      })
    throw work
  } catch (thrown) {
    return thrown
  }
}

describe('the first error', () => {
  test('of work whose clean-up failed as well is that of the work, with the others in its log', async () => {
    const work = failure('cannot restore')
    const first = firstError(await thrownBy(work, failure('cannot unmount'), failure('cannot end')))
    expect(String(first)).toMatchInlineSnapshot(`
      "CriuBenchError: cannot restore
        found:    a
        expected: b
        fix:      c
        log:      log of cannot restore
                  and then: cannot unmount
                    found:    a
                    expected: b
                    fix:      c
                    log:      log of cannot unmount
                              and then: cannot end
                                found:    a
                                expected: b
                                fix:      c
                                log:      log of cannot end"
    `)
  })

  test('tells an error once that the clean-up met as well', async () => {
    const gone = failure('the host is gone')
    expect(firstError(await thrownBy(gone, gone, failure('the host is gone')))).toBe(gone)
  })

  test('of anything else is the thing itself', async () => {
    expect(firstError('text')).toBe('text')
    const bug = new Error('a bug')
    expect(firstError(await thrownBy(bug, failure('cannot unmount')))).toBe(bug)
  })
})
