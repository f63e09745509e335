/** What is put in front of a number, so that no digit before it belongs to it. */
const START = String.raw`(?<!\d)`

/**
 * `-t` is an unanchored regular expression, in which "4MB" would also select 64MB and 1024MB. A number in front of a
 * unit is made to start where it stands, but after a class such as [16] or \d; everything else is left as it is.
 */
export function wholeSizes(pattern: RegExp): RegExp {
  const source = asWritten(pattern).replaceAll(/(?<!\\d|[\d\\[\]{])(\d+(?:B|KB|MB|GB)\b)/g, `${START}$1`)
  return new RegExp(source, pattern.flags)
}

/** The pattern as the user gave it, for messages. */
export const asWritten = (pattern: RegExp): string => pattern.source.replaceAll(START, '')
