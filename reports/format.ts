/** The number formats of tables, titles and messages. */

const KB = 1024
export const MB = 1024 * KB
const GB = 1024 * MB

/** "64MB" for 67108864 bytes. Uses the largest unit up to MB that divides evenly, so that titles are unique. */
export function formatSize(bytes: number): string {
  if (bytes % MB === 0) return `${bytes / MB}MB`
  if (bytes % KB === 0) return `${bytes / KB}KB`
  return `${bytes}B`
}

/** Bytes rounded for readers: "2.6 MB", "24.0 GB". */
export function describeBytes(bytes: number): string {
  if (bytes >= GB) return `${(bytes / GB).toFixed(1)} GB`
  if (bytes >= MB) return `${(bytes / MB).toFixed(1)} MB`
  return `${(bytes / KB).toFixed(1)} kB`
}

/** Bytes as a number of MB, for columns and rows whose title has the unit: "2.6". */
export const formatMegabytes = (bytes: number): string => (bytes / MB).toFixed(1)

/** Milliseconds with three significant digits, but at most one decimal from 10 up: 0.231, 5.42, 46.5, 514.9. */
export function formatMilliseconds(value: number): string {
  if (value >= 10) return value.toFixed(1)
  return value >= 1 ? value.toFixed(2) : value.toFixed(3)
}

/** "4.91–5.20". */
export const formatInterval = (interval: readonly [number, number]): string =>
  interval.map(formatMilliseconds).join('–')

/** "1.12×"; empty if there is no ratio. */
export const formatRatio = (ratio: number | undefined): string =>
  ratio === undefined ? '' : `${ratio.toFixed(2)}×`
