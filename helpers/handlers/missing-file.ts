import { resolve } from 'node:path'

/** Phrases of libc, shells, Python, Node, PHP and nginx for a missing file, with its path before or after them. */
const FILES = [
  /No such file or directory: b?'([^'\n]+)'/,
  /ENOENT: no such file or directory, \w+ '([^'\n]+)'/,
  /\w\(\) "([^"\n]+)" failed \(2: No such file or directory\)/,
  /\w\(([^()\n]+)\): Failed to open stream: No such file or directory/,
  /([^\s:'"]+): No such file or directory/,
]

/** Phrases for a missing module or program, with its name. */
const NAMES = [
  /Cannot find (?:module|package) '([^'\n]+)'/,
  /No module named '([^'\n]+)'/,
  /(?:^|: )([^\s:]+): (?:command )?not found$/m,
]

const firstIn = (output: string, phrases: readonly RegExp[]): string | undefined =>
  phrases.map((phrase) => phrase.exec(output)?.[1]).find((found) => found !== undefined)

/** The fix for what a restored handler's output says is missing, or undefined if it says so of nothing. */
export function fixForMissing(output: string, { cwd }: { readonly cwd: string }): string | undefined {
  const file = firstIn(output, FILES)
  const missing = file === undefined ? firstIn(output, NAMES) : resolve(cwd, file)
  return missing === undefined
    ? undefined
    : `the restored handler asked for ${missing}, which it had not opened before its dump: name the file, or its folder, in \`files\` of defineHandler({ … })`
}
