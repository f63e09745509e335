import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Handler } from '../handlers/definition.ts'
import { handlerFiles, reporting } from '../handlers/handler.ts'
import { compile } from '../programs/compile.ts'
import { fixture } from '../installation/paths.ts'

/**
 * A handler whose memory has one particular property. fixtures/scenes/scenes.c lists the names. It keeps root's
 * capabilities, because userfaultfd and seccomp listeners need them.
 */
export const scene = (name: string): Handler => ({
  ...reporting(name, async () => [
    await compile(fixture('scenes'), name === 'discard-jemalloc' ? ['-ljemalloc'] : undefined),
    name,
  ]),
  privileged: true,
})

const Outcome = z.object({ event: z.literal('done'), nonzero: z.int(), damaged: z.int(), surprises: z.int() })

/**
 * The faults that a scene counted after its restore: `nonzero` bytes that should be zero, `damaged` words that changed,
 * and `surprises`, system calls with a wrong result.
 */
export async function outcomeOf(folder: string): Promise<Omit<z.infer<typeof Outcome>, 'event'>> {
  const lines = (await readFile(handlerFiles(folder).report, 'utf8')).trimEnd().split('\n')
  const { nonzero, damaged, surprises } = Outcome.parse(JSON.parse(lines.at(-1) ?? ''))
  return { nonzero, damaged, surprises }
}

export const RIGHT = { nonzero: 0, damaged: 0, surprises: 0 }
