import { reasonOf } from '../errors.ts'

/** The error message of an action, or its result if it does not fail. */
export async function messageOf(action: () => unknown): Promise<string> {
  try {
    const result = await action()
    return `no error, but ${JSON.stringify(result)}`
  } catch (error) {
    return reasonOf(error)
  }
}

/** Replaces the parts of a text that differ from run to run, so that the rest can be compared exactly. */
export function steady(text: string, ...known: ReadonlyArray<readonly [string | RegExp, string]>): string {
  const replaced = known.reduce((current, [what, name]) => current.replaceAll(what, name), text)
  return replaced
    .replaceAll(/\b\d+(\.\d+)? (kB|MB|GB)\b/g, 'N $2')
    .replaceAll(/\/proc\/\d+\/root/g, '')
    .replaceAll(/\.c:\d+\)/g, '.c:LINE)')
    .replaceAll(/\bpid \d+/g, 'pid PID')
    .replaceAll(/\bprocess \d+/g, 'process PID')
    .replaceAll(/\bpie: \d+/g, 'pie: PID')
    .replaceAll(/^(\s*(?:log:)?\s*)\(\d\d\.\d{6}\)/gm, '$1(TIME)')
    .replaceAll(/\d+(\.\d+)? ms\b/g, 'N ms')
}
