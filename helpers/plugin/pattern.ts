/**
 * `-t` is an unanchored regular expression, in which "4MB" would also select 64MB and 1024MB. A number in front of a
 * unit is made to start where it stands; everything else is left as the user wrote it.
 */
export function wholeSizes(pattern: RegExp): RegExp {
  return new RegExp(
    pattern.source.replaceAll(/(?<![\d\\[{])(\d+(?:B|KB|MB|GB)\b)/g, String.raw`(?<!\d)$1`),
    pattern.flags,
  )
}
