import { CriuBenchError } from './errors.ts'

// Reports have these as well, and import nothing from here.
export { describeBytes, formatMilliseconds, formatSize } from '../reports/format.ts'

/** A number of bytes. 1MB is 2^20 bytes, as in the reference, whose "16MB" is 16777216 bytes. */
export type Bytes = number
/** A duration in milliseconds, the unit of the reference's table. */
export type Milliseconds = number
/** A time on CLOCK_REALTIME in nanoseconds. Beyond 2^53, so it is a bigint, and a decimal string in JSON. */
export type Nanoseconds = bigint

export const KB = 1024
export const MB = 1024 * KB
export const GB = 1024 * MB

const UNITS = new Map([
  ['B', 1],
  ['KB', KB],
  ['MB', MB],
  ['GB', GB],
])

/** What a size must be, for errors. */
export const EXPECTED_SIZE = 'a whole number above 0, in bytes or with a unit, such as 16777216, 16MB or 1GB'

/** The bytes of "64MB", "4096KB", "1GB" or a number of bytes. Undefined for anything else, including 0. */
export function sizeIn(text: string): Bytes | undefined {
  const match = /^(\d+)(B|KB|MB|GB)?$/.exec(text.trim())
  const bytes = Number(match?.[1]) * (UNITS.get(match?.[2] ?? 'B') ?? Number.NaN)
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined
}

/** The bytes of a size that `option` has: "size of checkpointOf()". Throws CriuBenchError that names it. */
export function parseSize(size: Bytes | string, option: string): Bytes {
  const bytes = sizeIn(String(size))
  if (bytes !== undefined) return bytes
  const text = typeof size === 'string' ? `"${size}"` : String(size)
  throw new CriuBenchError({
    failed: `cannot read the ${option}`,
    found: String(size).trim() === '' ? 'an empty value' : text,
    expected: EXPECTED_SIZE,
    fix: `correct the ${option}`,
  })
}
