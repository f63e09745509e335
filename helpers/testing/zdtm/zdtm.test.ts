import { afterAll, aroundAll, describe, expect, test } from 'vitest'
import { expectNothingLeft } from '../leaks.ts'
import { outcomeUnder, told, type Judgement } from './judgement.ts'
import { Judge } from './judge.ts'
import { whyNot, type Program } from './programs.ts'
import { writeReport } from './report.ts'
import { isLong, selected } from './selection.ts'
import { build, SUITES, zdtmFolder } from './source.ts'

const programs = await selected()
const judgements = new Map<Program, Judgement>()
const started = Date.now()
let judge: Judge | undefined

aroundAll(async (runSuite) => {
  await buildAll()
  await expectNothingLeft(async () => {
    await using opened = await Judge.open(`vitest-criu-zdtm-${process.pid}`)
    judge = opened
    await runSuite()
  })
})

/** Each suite is built by one call of make. */
async function buildAll(): Promise<void> {
  const zdtm = await zdtmFolder()
  const wanted = Map.groupBy(
    programs.filter((program) => whyNot(program) === undefined),
    ({ suite }) => suite,
  )
  for (const suite of SUITES)
    await build(
      zdtm,
      suite,
      (wanted.get(suite) ?? []).map(({ file }) => file),
    )
}

async function judged(program: Program): Promise<Judgement> {
  const why = whyNot(program)
  const judgement = why === undefined ? await judge?.judge(program) : { skipped: why }
  if (!judgement) throw new Error('no sandbox is open')
  judgements.set(program, judgement)
  return judgement
}

describe('comes back from mapped and lazy as from eager, by its own judgement:', () => {
  test.for(programs)('$name', { timeout: 180_000 }, async (program, { skip }) => {
    const judgement = await judged(program)
    if ('skipped' in judgement) return skip(judgement.skipped)
    const outcomes = ['eager', 'lazy', 'mapped'].map((strategy) => outcomeUnder(judgement, strategy))
    const [eager, lazy, mapped] = outcomes.map(told)
    // What fails under all strategies is none's fault; the report names it.
    if (isLong && eager !== 'passed' && mapped !== 'passed') return skip(eager)
    // CRIU's lazy mode has limits of its own, which the report of a long run names.
    const lazily = isLong || lazy?.endsWith('(nolazy)') ? 'passed' : lazy
    expect({ eager, lazy: lazily, mapped }).toEqual({ eager: 'passed', lazy: 'passed', mapped: 'passed' })
    return undefined
  })
})

afterAll(async () => {
  if (isLong && judgements.size === programs.length) await writeReport(judgements, started)
})
