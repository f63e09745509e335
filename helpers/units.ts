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

/** Parses "64MB", "4096KB", "1GB" or a number of bytes. Throws CriuBenchError for anything else, including 0. */
export function parseSize(text: string, what = 'memory size'): Bytes {
  const match = /^(\d+)(B|KB|MB|GB)?$/.exec(text.trim())
  const bytes = Number(match?.[1]) * (UNITS.get(match?.[2] ?? 'B') ?? Number.NaN)
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new CriuBenchError({
      failed: `cannot read the ${what} "${text}"`,
      found: text.trim() === '' ? 'an empty value' : `"${text}"`,
      expected: 'a whole number above 0, in bytes or with a unit, such as 16777216, 16MB or 1GB',
      fix: 'correct the size, for example MEMORY_SIZE=16777216',
    })
  }
  return bytes
}
