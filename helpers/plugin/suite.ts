import { aroundAll, inject } from 'vitest'
import { filesystem } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { openSandbox } from '../system/sandbox.ts'
import { prepare, type Prepared } from '../trial/prepare.ts'
import { runTrial, type Sample } from '../trial/trial.ts'
import { formatMilliseconds, formatSize, type Bytes } from '../units.ts'
import { phaseOf } from '../trial/phases.ts'
import { defineBody, type Body } from './body.ts'
import { progressOf } from './progress.ts'
import { suiteRun } from './record.ts'

/** One suite of the matrix. */
export interface Pair {
  /** As in `-t`: "tmpfs 64MB". */
  readonly title: string
  readonly filesystem: string
  /** Bytes. */
  readonly size: Bytes
}

/** Every (filesystem, memory size) pair that the options ask for. */
export function matrix(): Pair[] {
  const { filesystems, sizes } = inject('criu')
  return filesystems.flatMap((name) =>
    sizes.map((size) => ({ title: `${name} ${formatSize(size)}`, filesystem: name, size })),
  )
}

/**
 * Gives the enclosing `describe` a checkpoint of that size on that filesystem: mounted, dumped and copied before its
 * first test, gone without trace after its last; nothing happens when `-t` selects none of them. The function it
 * returns is the measured body, for `bench(phase, body)`: one run of it gives every phase.
 */
export function checkpointed(pair: Pair): Body {
  let prepared: Prepared | undefined
  const settings = inject('criu')
  const progress = progressOf(pair.title)
  aroundAll(async (runSuite) => {
    await using sandbox = await openSandbox(settings.containerName ?? `vitest-criu-${process.pid}`)
    await using checkpoint = await prepare(
      sandbox,
      {
        ...settings,
        filesystem: filesystem(pair.filesystem),
        size: pair.size,
        handler: handlerNamed(settings.handler),
        containerName: sandbox.containerName,
      },
      progress,
    )
    prepared = checkpoint
    await runSuite()
  })
  return defineBody(async () => {
    if (!prepared)
      throw new Error(`${pair.title} was not prepared: call checkpointed(pair) inside describe()`)
    return suiteRun(pair, prepared, await iterate(prepared, settings, progress), settings)
  })
}

async function iterate(
  { checkpoint }: Prepared,
  { warmup, iterations }: { warmup: number; iterations: number },
  progress: (line: string) => void,
): Promise<Sample[]> {
  const samples: Sample[] = []
  for (let index = -warmup; index < iterations; index++) {
    const { sample } = await runTrial(checkpoint)
    if (index >= 0) samples.push(sample)
    const which = index < 0 ? 'warm-up' : `iteration ${index + 1}/${iterations}`
    progress(`${which}: cold start ${formatMilliseconds(phaseOf(sample.points, 'cold start'))} ms`)
  }
  return samples
}
