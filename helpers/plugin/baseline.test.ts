import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Results } from '../../reports/results.ts'
import { cli, startBench } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

test('a run with an injected delay fails against its baseline, and a baseline from another machine is refused', async () => {
  await expectNothingLeft(async () => {
    await using folder = await temporaryFolder()
    const bench = (environment: Record<string, string>) =>
      startBench(['-t', ' 1MB'], {
        VITEST_CRIU_OUTPUT: join(folder.path, 'out'),
        VITEST_CRIU_BASELINES: folder.path,
        VITEST_CRIU_HANDLER: 'native',
        VITEST_CRIU_ITERATIONS: '10',
        VITEST_CRIU_SET_UPS: '2',
        VITEST_CRIU_TOLERANCE: '1000',
        ...environment,
      }).ended
    const file = join(folder.path, 'main.json')

    const saved = await bench({ VITEST_CRIU_SAVE: 'main' })
    expect(saved).toMatchObject({ status: 0 })
    const before = Results.parse(JSON.parse(await readFile(file, 'utf8')))

    // The delay is far larger than noise, and only in the restore.
    const slower = await bench({ VITEST_CRIU_BASELINE: 'main', VITEST_CRIU_INJECTED_DELAY: 'restore=150', VITEST_CRIU_SAVE: 'main' }) // prettier-ignore
    expect(slower.status).toBe(1)
    expect(slower.stdout).toMatch(/^regression: tmpfs 1MB mapped > cold start: median .* ms; [\d.]+ × the baseline's .* ms, after removing [\d.]+ × of machine drift \(.* % interval .* to .*; n=\d+, baseline n=\d+\).*Its parts: .*restore [\d.]+ ×.*VITEST_CRIU_SAVE=main/m) // prettier-ignore
    expect(slower.stderr).toContain('differs from the baseline: measuring a second time')
    expect(slower.stderr).toContain('not saved as the baseline main, because this run failed')
    const found = Results.parse(JSON.parse(await readFile(join(folder.path, 'out/results.json'), 'utf8')))
    expect(found.suites[0]?.again?.samples).toHaveLength(10)
    expect(Results.parse(JSON.parse(await readFile(file, 'utf8')))).toEqual(before)

    const offline = await cli(['compare', file, join(folder.path, 'out/results.json')])
    expect(offline.status).toBe(1)
    expect(offline.stdout).toContain('regression: tmpfs 1MB mapped > cold start')

    await writeFile(file, JSON.stringify({ ...before, fingerprint: { ...before.fingerprint, cpu: 'Another CPU' } })) // prettier-ignore
    const foreign = await bench({ VITEST_CRIU_BASELINE: 'main' })
    expect(foreign.status).toBe(1)
    expect(foreign.stderr).toContain(
      'cannot compare this run with the baseline "main", which is from another machine',
    )
    expect(foreign.stderr).toContain('found:    a baseline from a machine with cpu Another CPU')
    expect(foreign.stderr).not.toContain('mounting')
  })
})
