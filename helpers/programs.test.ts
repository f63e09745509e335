import { describe, expect, test } from 'vitest'
import { messageOf } from './testing/messages.ts'
import { restoringNames, strategyNamed } from './strategies/index.ts'
import { runRestore, type Checkpoint } from './restore/restore-run.ts'
import { withCheckpoints } from './testing/checkpoints.ts'
import { temporaryFolder } from './testing/folders.ts'
import { handlerOf, LARGE, missingFor, SMALL, type Program } from './testing/programs.ts'

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
