import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Results } from '../../reports/results.ts'
import { durationOf } from '../../reports/timeline.ts'
import { cli, outcomeOf, PROJECT, startBench } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

const NAMESPACE = { VITEST_CRIU_RESTORE_ON: 'namespace' }

describe('two namespaces', { timeout: 120_000 }, () => {
  test('are what bench/remote.bench.ts measures on, and what its results tell of', () =>
    expectNothingLeft(async () => {
      await using output = await temporaryFolder()
      const vitest = join(PROJECT, 'node_modules/vitest/vitest.mjs')
      const argv = [process.execPath, vitest, 'bench', '--run', 'bench/remote.bench.ts', '-t', '16MB mapped']
      const { status, stdout } = await outcomeOf(argv, {
        VITEST_CRIU_LINK: 'bandwidth=500mbit',
        VITEST_CRIU_ITERATIONS: '1',
        VITEST_CRIU_WARMUP: '0',
        VITEST_CRIU_OUTPUT: output.path,
      })
      expect(status, stdout).toBe(0)
      const { suites } = Results.parse(JSON.parse(await readFile(join(output.path, 'results.json'), 'utf8')))
      const [suite] = suites
      expect(suites.length).toBe(1)
      expect(suite?.title).toBe('ceph 16MB mapped cold on namespace 500mbit')
      expect(suite?.hosts).toMatchObject({
        dumped: { name: 'namespace 10.42.0.1' },
        restored: { name: 'namespace 10.42.0.2' },
        link: { bandwidth: '500mbit' },
      })
      // 16MB by 500 Mbit/s, less the burst: what is measured did come by that link.
      const [sample] = suite?.samples ?? []
      const coldStart = sample ? durationOf(sample.points, 'cold start') : undefined
      expect(coldStart).toBeGreaterThan(((16 * 2 ** 20 - 2 ** 18) * 8) / 500e3)
      const { offset, bound } = suite?.hosts?.clock ?? { offset: Number.NaN, bound: 0 }
      expect(Math.abs(offset)).toBeLessThanOrEqual(bound)
      expect(stdout).toContain(
        'ceph, mapped, cold, restored on namespace 10.42.0.2 over 500mbit, native handler',
      )
    }))

  test('leave nothing when the run is killed, neither links nor namespaces', () =>
    expectNothingLeft(async () => {
      const bench = startBench(['-t', 'ceph 64MB'], NAMESPACE)
      await bench.says(/^▸ ceph 64MB mapped on namespace +iteration 1/)
      process.kill(-bench.group, 'SIGKILL')
      expect((await bench.ended).status).toBe('SIGKILL')
    }))

  test('are looked at by the doctor, where they are asked for', () =>
    expectNothingLeft(async () => {
      const { stdout } = await cli(['doctor'], NAMESPACE)
      expect(stdout).toMatch(/^ok +client on namespace 10\.42\.0\.2: ceph-fuse, ceph$/m)
      expect(stdout).toMatch(/^ok +criu on namespace 10\.42\.0\.2: passes criu check there$/m)
    }))
})
