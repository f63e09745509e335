/**
 * Servers, up to their first response: what does a start from a checkpoint cost, and what the plain start of the same
 * server in the same container? Each strategy restores the same dump, in the same rounds.
 */
import { describe, expect, inject, test, type BenchResult } from 'vitest'
import { checkpointed, matrix, phasesOf } from '../helpers/index.ts'

const SERVERS = ['python-http', 'node-http']
const STRATEGIES = ['plain', 'eager', 'lazy', 'mapped']

for (const handler of SERVERS) {
  const cells = matrix({ filesystems: ['tmpfs'], strategies: STRATEGIES, handler }).flat()
  const results = new Map<string, BenchResult>()

  for (const cell of cells) {
    describe(cell.title, () => {
      const body = checkpointed(cell, cells)

      for (const phase of phasesOf(cell)) {
        test(phase, async ({ bench }) => {
          const result = await bench(phase, body).run()
          if (phase === 'cold start') results.set(cell.strategy, result)
          expect(result.latency.samplesCount).toBe(inject('criu').iterations)
        })
      }
    })
  }

  const medianOf = (strategy: string): number => results.get(strategy)?.latency.p50 ?? Number.NaN

  test.for(STRATEGIES.slice(1))(
    `${handler} answers from a checkpoint sooner than from scratch: %s`,
    async (strategy, { skip, annotate }) => {
      const ratio = medianOf('plain') / medianOf(strategy)
      if (Number.isNaN(ratio)) skip(`not measured in this run: ${handler} plain and ${strategy}`)
      await annotate(`${strategy}: ${ratio.toFixed(1)} × as fast as plain`)
      expect(ratio).toBeGreaterThan(1)
    },
  )
}
