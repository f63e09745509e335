import { describe, expect, test } from 'vitest'
import { refusedCall } from './seccomp.ts'

const ARCH = 0xc000_003e
const CALLS = { write: 1, munmap: 11, futex: 202 }

const [LOAD, RETURN, IF_EQUAL, IF_AT_LEAST, NEGATE] = [0x20, 0x06, 0x15, 0x35, 0x84]
const [ALLOW, ERRNO] = [0x7fff_0000, 0x0005_0000]
const NUMBER = 0
const FIRST_ARGUMENT = 16

/** A filter in the form in which CRIU stores it: code, two jumps, operand. */
function filterOf(
  ...instructions: ReadonlyArray<readonly [code: number, operand: number, ifTrue?: number, ifFalse?: number]>
) {
  // prettier-ignore
  const bytes = Buffer.alloc(8 * instructions.length)
  for (const [index, [code, operand, ifTrue = 0, ifFalse = 0]] of instructions.entries()) {
    bytes.writeUInt16LE(code, 8 * index)
    bytes.writeUInt8(ifTrue, 8 * index + 2)
    bytes.writeUInt8(ifFalse, 8 * index + 3)
    bytes.writeUInt32LE(operand, 8 * index + 4)
  }
  return bytes
}

/** Refuses one call. */
const without = (call: number) =>
  filterOf([LOAD, NUMBER], [IF_EQUAL, call, 0, 1], [RETURN, ERRNO], [RETURN, ALLOW])

const refused = (filter: Uint8Array): string | undefined => refusedCall(filter, { arch: ARCH, calls: CALLS })

describe('of the calls that CRIU makes', () => {
  test('a filter that allows everything refuses none', () => {
    expect(refused(filterOf([RETURN, ALLOW]))).toBeUndefined()
  })

  test('a filter refuses those that it names', () => {
    expect(refused(without(CALLS.munmap))).toBe('munmap')
    expect(refused(without(425)), 'io_uring_setup').toBeUndefined()
  })

  test('a filter of allowed calls refuses those that it does not name', () => {
    const readAndWrite = filterOf([LOAD, NUMBER], [IF_AT_LEAST, 2, 0, 1], [RETURN, ERRNO], [RETURN, ALLOW])
    expect(refused(readAndWrite)).toBe('munmap')
  })

  test('a filter that looks at the arguments of a call may refuse it', () => {
    const byArgument = filterOf(
      [LOAD, NUMBER],
      [IF_EQUAL, CALLS.futex, 0, 3],
      [LOAD, FIRST_ARGUMENT],
      [IF_EQUAL, 0, 0, 1],
      [RETURN, ERRNO],
      [RETURN, ALLOW],
    )
    expect(refused(byArgument)).toBe('futex')
  })

  test('a filter with other instructions, or without an end, may refuse any', () => {
    expect(refused(filterOf([LOAD, NUMBER], [NEGATE, 0], [RETURN, ALLOW]))).toBe('write')
    expect(refused(filterOf([LOAD, NUMBER]))).toBe('write')
  })
})
