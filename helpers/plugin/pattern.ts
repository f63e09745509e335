/** Put before a number, so that it does not match the end of a longer number. */
const START = String.raw`(?<!\d)`

/**
 * `-t` is an unanchored regular expression, so "4MB" would also select 64MB and 1024MB. This anchors each number with a
 * unit at its first digit, unless a class such as [16] or \d comes before it. Everything else is left unchanged.
 */
export function matchWholeSizes(pattern: RegExp): RegExp {
  const source = originalSource(pattern).replaceAll(/(?<!\\d|[\d\\[\]{])(\d+(?:B|KB|MB|GB)\b)/g, `${START}$1`)
  return new RegExp(source, pattern.flags)
}

/** The pattern as the user wrote it, for messages. */
export const originalSource = (pattern: RegExp): string => pattern.source.replaceAll(START, '')
