import { readFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { answerIn } from './handlers/observe.ts'
import { messageOf } from './testing/messages.ts'
import { restoringNames, strategyNamed } from './strategies/index.ts'
import { runRestore, startRestore, type Checkpoint } from './restore/restore-run.ts'
import { withCheckpoint, withCheckpoints } from './testing/checkpoints.ts'
import { temporaryFolder } from './testing/folders.ts'
import { KB, MB } from './units.ts'
import {
  handlerOf,
  LARGE,
  missingFor,
  preforkServer,
  SHARED,
  SMALL,
  type Program,
} from './testing/programs.ts'

/** `npm run programs` runs all. */
const PROGRAMS = process.env['PROGRAMS'] === 'all' ? [...SMALL, ...LARGE] : SMALL

/** Restores a program twice: the second restore must not see the first. */
async function expectAnswer(checkpoint: Checkpoint, { answer }: Program): Promise<void> {
  for (let round = 0; round < 2; round++) {
    const { sample, output } = await runRestore(checkpoint)
    expect(`${sample.checksum}\n${output.handler}`).toContain(answer)
  }
}

describe('comes back with the right answer, under each strategy:', () => {
  test.for(PROGRAMS)('$name', { timeout: 300_000 }, async (program, { skip }) => {
    const missing = await missingFor(program)
    if (missing !== undefined) skip(missing)
    await using folder = await temporaryFolder()
    const handler = handlerOf(program, folder.path)
    const strategies = restoringNames.map(strategyNamed)
    const failed: string[] = []
    await withCheckpoints({ handler, size: handler.memory ?? 0, strategies }, async (checkpoints) => {
      for (const checkpoint of checkpoints) {
        const message = await messageOf(() => expectAnswer(checkpoint, program))
        const { strategy } = checkpoint.restorable
        const reason = program.cannot?.[strategy]
        if (reason === undefined ? !message.startsWith('no error') : !message.includes(reason))
          failed.push(`${strategy}: ${message}`)
      }
    })
    expect(failed.join('\n')).toBe('')
  })
})

test(
  'a server with eight workers takes hardly more memory than with one, restored by mapped',
  { timeout: 300_000 },
  async ({ skip }) => {
    if (PROGRAMS === SMALL) skip('npm run programs has it')
    const missing = await missingFor(preforkServer(1))
    if (missing !== undefined) skip(missing)
    const [one, eight] = [await memoryWith(1), await memoryWith(8)]
    console.log(
      `gunicorn, ${SHARED / MB} MB shared: ${(one / MB).toFixed(0)} MB with one worker, ${(eight / MB).toFixed(0)} MB with eight`,
    )
    expect(eight - one).toBeLessThan(SHARED / 4)
  },
)

/** Bytes that a restored server uses after each of its workers has read what they share. */
async function memoryWith(workers: number): Promise<number> {
  await using folder = await temporaryFolder()
  const handler = handlerOf(preforkServer(workers), folder.path)
  const plan = { handler, size: handler.memory ?? 0, strategies: [strategyNamed('mapped')] }
  return await withCheckpoint(plan, async (checkpoint) => {
    const started = await startRestore(checkpoint)
    await started.ended
    const answer = await readFile(answerIn(started.folder), 'utf8')
    return Number(/^memory (\d+)$/m.exec(answer)?.[1]) * KB
  })
}
