import { CriuBenchError } from './errors.ts'

/** A count of bytes. 1MB is 2^20 bytes, as in the reference, whose 16777216 is its "16MB". */
export type Bytes = number
/** A span in milliseconds, the unit of the reference's table. */
export type Milliseconds = number
/** A point on CLOCK_REALTIME in nanoseconds: beyond 2^53, hence a bigint; a decimal string in JSON. */
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

/** "64MB" for 67108864; the largest unit up to MB that divides evenly, so that no two sizes share a title. */
export function formatSize(bytes: Bytes): string {
  if (bytes % MB === 0) return `${bytes / MB}MB`
  if (bytes % KB === 0) return `${bytes / KB}KB`
  return `${bytes}B`
}

/** Parses "64MB", "4096KB", "1GB" or a plain byte count; throws CriuBenchError for anything else, 0 included. */
export function parseSize(text: string, what = 'memory size'): Bytes {
  const match = /^(\d+)(B|KB|MB|GB)?$/.exec(text.trim())
  const bytes = Number(match?.[1]) * (UNITS.get(match?.[2] ?? 'B') ?? Number.NaN)
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new CriuBenchError({
      failed: `cannot read the ${what} "${text}"`,
      found: text.trim() === '' ? 'an empty value' : `"${text}"`,
      expected: 'a whole number of bytes above 0, or one with a unit: 16777216, 16MB, 1GB',
      fix: 'set MEMORY_SIZE=16777216',
    })
  }
  return bytes
}

/** For people: "2.6 MB", "24.0 GB". */
export function describeBytes(bytes: Bytes): string {
  if (bytes >= GB) return `${(bytes / GB).toFixed(1)} GB`
  if (bytes >= MB) return `${(bytes / MB).toFixed(1)} MB`
  return `${(bytes / KB).toFixed(1)} kB`
}

/** Three significant places where it matters: 0.231, 5.42, 46.5, 514.9. */
export function formatMilliseconds(value: Milliseconds): string {
  if (value >= 10) return value.toFixed(1)
  return value >= 1 ? value.toFixed(2) : value.toFixed(3)
}
