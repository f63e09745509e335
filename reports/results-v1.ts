/** Version 1 of results.json. Its time points have letters as names, and its figures have the fields of the verdict. */
import { z } from 'zod'

const Points = z.strictObject({
  s: z.string(),
  a: z.string(),
  b: z.string(),
  c: z.string().optional(),
  d: z.string(),
  e: z.string(),
})

const Sample = z.looseObject({
  points: Points,
  nanoseconds: z.record(z.string(), z.string()),
  drained: z.string().optional(),
})

const Figure = z.looseObject({
  phase: z.string(),
  state: z.enum(['pass', 'miss', 'ungated']),
  reference: z.number().optional(),
  against: z.string().optional(),
  ratio: z.number().optional(),
  tolerance: z.number().optional(),
})

const Suite = z.looseObject({
  figures: z.array(Figure),
  samples: z.array(Sample),
  again: z.looseObject({ samples: z.array(Sample) }).optional(),
})

const ResultsV1 = z.looseObject({ version: z.literal(1), suites: z.array(Suite) })

/** Whether a parsed results.json has version 1. */
export const isVersion1 = (content: unknown): boolean =>
  typeof content === 'object' && content !== null && 'version' in content && content.version === 1

/** Converts version 1 to `version`, for parsing by the current schema. Throws ZodError for any other content. */
export function upgradeVersion1(content: unknown, version: number): unknown {
  const { suites, ...run } = ResultsV1.parse(content)
  return {
    ...run,
    version,
    suites: suites.map(({ figures, samples, again, ...suite }) => ({
      ...suite,
      figures: figures.map(upgradeFigure),
      samples: samples.map(upgradeSample),
      ...(again && { again: { ...again, samples: again.samples.map(upgradeSample) } }),
    })),
  }
}

function upgradeSample(old: z.infer<typeof Sample>) {
  const { points, nanoseconds: _, drained, ...sample } = old
  const { s, a, b, c, d, e } = points
  return {
    ...sample,
    points: {
      spawned: s,
      containerStarted: a,
      restoreStarted: b,
      ...(c !== undefined && { handlerStarted: c }),
      handlerEnded: d,
      containerGone: e,
      ...(drained !== undefined && { drained }),
    },
  }
}

function upgradeFigure({ state, reference, against, ratio, tolerance, ...figure }: z.infer<typeof Figure>) {
  const source = state === 'ungated' ? 'none' : against === undefined ? 'reference' : 'tmpfs'
  const compared =
    ratio === undefined
      ? 'version 1 of results.json has no reason'
      : `${ratio.toFixed(2)} × the figure of ${source}`
  return {
    ...figure,
    verdict: {
      source,
      state,
      reason: compared,
      ...(reference !== undefined && { reference }),
      ...(ratio !== undefined && { ratio }),
      ...(tolerance !== undefined && { tolerance }),
    },
  }
}
