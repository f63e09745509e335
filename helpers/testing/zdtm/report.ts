import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { markdownTable } from 'markdown-table'
import { fingerprint } from '../../machine/fingerprint.ts'
import { PROJECT } from '../commands.ts'
import { differ, outcomeUnder, told, type Judgement } from './judgement.ts'
import type { Program } from './programs.ts'

type Judgements = ReadonlyMap<Program, Judgement>

const STRATEGIES = ['eager', 'lazy', 'mapped'] as const

/** Writes helpers/ZDTM.md, and prints its table: counts by strategy, and by name what differs, fails or is skipped. */
export async function writeReport(judgements: Judgements, started: number): Promise<void> {
  const { kernel, cpu, cpus, cgroup, node } = await fingerprint()
  const minutes = ((Date.now() - started) / 60_000).toFixed(0)
  const table = countsOf(judgements)
  const text = [
    '# CRIU’s own tests',
    `Written by \`npm run zdtm\` at ${new Date(started).toISOString()}, in ${minutes} minutes: ${judgements.size} programs. Kernel ${kernel}, ${cpus} × ${cpu}, cgroup ${cgroup}, Node ${node}.`,
    INTRODUCTION,
    table,
    `Under \`mapped\`, ${mappedIn(judgements)} of these programs have mapped memory.`,
    '## Differences between eager and mapped',
    differences(judgements, 'mapped'),
    '## Differences between eager and lazy',
    `Both are CRIU’s own modes.\n\n${differences(judgements, 'lazy')}`,
    '## Failed under every strategy',
    listed(failures(judgements)),
    '## Not restored',
    skips(judgements),
  ].join('\n\n')
  await writeFile(join(PROJECT, 'helpers/ZDTM.md'), `${text}\n`)
  console.log(
    [table, 'Differences between eager and mapped:', differences(judgements, 'mapped')].join('\n\n'),
  )
}

const INTRODUCTION = `These are the test programs of CRIU’s source (\`test/zdtm\`). Each starts, waits for a signal, then checks itself and writes PASS.
Here, each is dumped once and restored three times, with this project’s own code: checks before the dump, dump, rewrite,
launcher with its guard, observer. CRIU’s own options for a program are added. \`mapped\` maps every area from one page on, instead
of from 256 kB on, since most of these programs are small. All run as root. A restore gets copies of a program's files, in a root
directory with nothing else: a program that remembers inode numbers, or executes others, fails under every strategy.`

const states = (judgements: Judgements, strategy: string): string[] =>
  [...judgements.values()].map((judgement) => told(outcomeUnder(judgement, strategy)).split(':')[0] ?? '')

function countsOf(judgements: Judgements): string {
  const counted = STRATEGIES.map((strategy) => states(judgements, strategy))
  const rows = ['passed', 'failed', 'skipped'].map((state) => [
    state,
    ...counted.map((each) => String(each.filter((one) => one === state).length)),
  ])
  return markdownTable([['', ...STRATEGIES], ...rows], { align: ['l', 'r', 'r', 'r'] })
}

const mappedIn = (judgements: Judgements): number =>
  [...judgements.values()].filter((judgement) => {
    const outcome = outcomeUnder(judgement, 'mapped')
    return 'passed' in outcome && outcome.mapped > 0
  }).length

const listed = (lines: readonly string[]): string =>
  lines.length === 0 ? 'None.' : lines.map((line) => `- ${line}`).join('\n')

const differences = (judgements: Judgements, strategy: string): string =>
  listed(
    [...judgements]
      .filter(([, judgement]) => differ(judgement, 'eager', strategy))
      .map(([{ name }, judgement]) => {
        const [eager, other] = ['eager', strategy].map((each) => told(outcomeUnder(judgement, each)))
        return `\`${name}\`: eager ${eager}; ${strategy} ${other}`
      }),
  )

const failures = (judgements: Judgements): string[] =>
  [...judgements].flatMap(([{ name }, judgement]) => {
    const outcomes = STRATEGIES.map((strategy) => outcomeUnder(judgement, strategy))
    const hasPassed = outcomes.some((outcome) => 'passed' in outcome)
    return 'skipped' in judgement || hasPassed
      ? []
      : [`\`${name}\`: ${told(outcomeUnder(judgement, 'eager'))}`]
  })

/** By reason, the most frequent first. */
function skips(judgements: Judgements): string {
  const skipped = [...judgements].flatMap(([{ name }, judgement]) =>
    'skipped' in judgement ? [{ name, why: judgement.skipped }] : [],
  )
  const byReason = [...Map.groupBy(skipped, ({ why }) => why)].toSorted(([, a], [, b]) => b.length - a.length)
  return listed(
    byReason.map(
      ([why, each]) => `${why} (${each.length}): ${each.map(({ name }) => `\`${name}\``).join(', ')}`,
    ),
  )
}
