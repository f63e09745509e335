import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CriuBenchError, reasonOf } from '../../errors.ts'
import { dumpOf } from '../../images/real-dumps.testing.ts'
import { SCENES } from '../../images/real-scenes.testing.ts'
import { GB } from '../../units.ts'
import { PROJECT } from '../commands.ts'
import { temporaryFolder } from '../folders.ts'
import { Chance } from './mutate.ts'
import { corpusIn, imageBytes, imageSet, resultsFile, type Case, type Subject } from './subjects.ts'

/**
 * `npm run fuzz` sets more time, and makes other choices in each run. `npm test` makes the same ones every time, so that it
 * fails for a change only. With FUZZ_SEED, which both print, a run repeats its choices.
 */
const { FUZZ_SECONDS, FUZZ_SEED } = process.env
const SECONDS = Number(FUZZ_SECONDS ?? 9)
const SEED = Number(FUZZ_SEED ?? (FUZZ_SECONDS === undefined ? 1 : Date.now() % 1_000_000))

/** CPU time of one case, ms, and memory of the whole process. */
const LIMITS = { cpu: 3000, memory: 2 * GB }

const undo = new AsyncDisposableStack()
afterAll(() => undo.disposeAsync())

let corpus: Awaited<ReturnType<typeof corpusIn>>
beforeAll(async () => {
  const { path } = undo.use(await temporaryFolder())
  const folders = Object.values(SCENES).map((_, index) => join(path, String(index)))
  for (const [index, { command }] of Object.values(SCENES).entries()) {
    await mkdir(folders[index] ?? '')
    await dumpOf(command, folders[index] ?? '')
  }
  corpus = await corpusIn(folders)
}, 120_000)

/** What is wrong with the outcome of a case; undefined if it was refused with file and place, or used. */
async function faultOf({ file, run }: Case): Promise<string | undefined> {
  const before = process.cpuUsage()
  let fault: string | undefined
  try {
    await run()
  } catch (error) {
    const isTold = error instanceof CriuBenchError && /\.img|stats-|\.json|images in /.test(error.message)
    if (!isTold) fault = error instanceof Error ? (error.stack ?? error.message) : reasonOf(error)
    else if (error.message.includes('cannot decode') && !/at byte \d+/.test(error.message))
      fault = error.message
  }
  const { user, system } = process.cpuUsage(before)
  const cpu = (user + system) / 1000
  if (cpu > LIMITS.cpu) fault ??= `${cpu.toFixed(0)} ms of CPU time`
  if (process.memoryUsage.rss() > LIMITS.memory) fault ??= `${process.memoryUsage.rss()} bytes of memory`
  return fault && `${basename(file)}: ${fault}`
}

/** Runs cases until the time is over. Keeps the bytes of those that went wrong. */
async function fuzz(subject: Subject, seconds: number): Promise<{ cases: number; findings: string[] }> {
  const chance = new Chance(SEED)
  const findings = new Map<string, string>()
  let cases = 0
  for (const end = performance.now() + seconds * 1000; performance.now() < end; cases++) {
    const next = subject(chance)
    const fault = next && (await faultOf(next))
    if (next === undefined || fault === undefined) continue
    const kept = join(tmpdir(), `fuzz-${SEED}-${cases}-${basename(next.file)}`)
    // One finding of a kind: the first line of a stack tells kinds apart.
    const [kind = ''] = fault.split('\n')
    if (!findings.has(kind)) await writeFile(kept, next.bytes)
    findings.set(kind, findings.get(kind) ?? `${kept}: ${fault}`)
  }
  return { cases, findings: [...findings.values()] }
}

test.each([
  ['the bytes of a real image', () => imageBytes(corpus.files)],
  ['the values of a real dump', () => imageSet(corpus.sets)],
  [
    'a results file',
    async () =>
      resultsFile(
        await readFile(join(PROJECT, 'reports/recorded.json'), 'utf8'),
        undo.use(await temporaryFolder()).path,
      ),
  ],
])(
  `%s, changed at random (seed ${SEED}), are used, or refused with file and place, in little time and memory`,
  async (what, subject) => {
    const { cases, findings } = await fuzz(await subject(), SECONDS / 3)
    console.log(`${what}: ${cases} cases with seed ${SEED}, ${findings.length} findings`)
    expect(cases).toBeGreaterThan(0)
    expect(findings.join('\n\n')).toBe('')
  },
  (SECONDS + 60) * 1000,
)
