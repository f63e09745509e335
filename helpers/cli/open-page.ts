import { CriuBenchError } from '../errors.ts'
import { localHost } from '../host/host.ts'
import { run } from '../process/process.ts'

/** The browser outlives this program, and does not write to its terminal. */
const OPEN = `for each in "$BROWSER" xdg-open open; do
  command -v "$each" >/dev/null || continue
  ("$each" "$1" >/dev/null 2>&1 </dev/null &)
  exit 0
done
exit 1`

/** Opens a page in the user's browser, and does not wait for it. Throws CriuBenchError. */
export async function openPage(path: string): Promise<void> {
  const failed = `cannot open ${path}`
  const fix = 'set BROWSER to a program that opens a page, or open the file yourself'
  const { exitCode } = await run(localHost, { argv: ['sh', '-c', OPEN, 'sh', path], failed, fix, timeout: 10_000, accept: [0, 1] }) // prettier-ignore
  if (exitCode === 0) return
  throw new CriuBenchError({
    failed,
    found: 'no such program in PATH',
    expected: 'the program that the variable BROWSER names, xdg-open or open',
    fix,
  })
}
