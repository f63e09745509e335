import { expect, test } from 'vitest'
import { findCriu } from '../criu/binary.ts'
import { fixture } from '../installation/paths.ts'
import { compile } from '../programs/compile.ts'
import { runBenchProject } from '../testing/bench-project.ts'
import { debianImage, noDebianImages } from '../testing/debian-image.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

/** A suite that compares CRIUs. */
const comparing = (crius: Readonly<Record<string, unknown>>, size = 1): string => `
criu.restoreSuite({
  handler: 'native',
  sizes: ['${size}MB'],
  strategies: ['eager'],
  criu: ${JSON.stringify(crius)},
  thresholds: { restore: { times: 10, of: 'stock' } },
})`

/** A busy machine does not miss what is not compared here. */
const QUICK = { VITEST_CRIU_ITERATIONS: '3', VITEST_CRIU_TOLERANCE: '1000' }

/** The CRIU that is built here, with 0.4 s more for each restore. */
async function slowCriu(): Promise<string> {
  const { path } = await findCriu()
  return compile(fixture('foreign/slow-criu.c'), ['-static', '-s', `-DCRIU="${path}"`])
}

test('CRIUs dump and restore with themselves, in the same rounds, and a threshold finds the slow one', async ({
  skip,
}) => {
  const reason = noDebianImages()
  if (reason !== undefined) skip(reason)
  const debian = await debianImage('trixie')
  const quiet = { path: 'build', dump: ['--ghost-limit', '2M'], restore: ['-v0'] }
  const crius = { stock: 'build', debian, slow: await slowCriu(), quiet }
  const { status, stdout, results, junit } = await expectNothingLeft(() =>
    runBenchProject(comparing(crius), QUICK),
  )
  expect(status).toBe(1)
  const names = Object.keys(crius)
  expect(results.suites.map(({ title }) => title)).toEqual(names.map((name) => `tmpfs 1MB eager ${name}`))
  const [stock, other] = results.suites
  expect(stock?.criu).toMatchObject({ name: 'stock', dump: [], restore: [] })
  expect(other?.criu).toMatchObject({ name: 'debian', version: '4.1.1' })
  expect(new Set(results.suites.map(({ criu }) => `${criu?.name} ${criu?.hash}`)).size).toBe(names.length)
  expect(results.suites.at(-1)?.criu).toMatchObject({
    name: 'quiet',
    dump: ['--ghost-limit', '2M'],
    restore: ['-v0'],
  })
  const missed = results.suites.filter(({ figures }) =>
    figures.some(({ verdict }) => verdict.state === 'miss'),
  )
  expect(missed.map(({ title }) => title)).toEqual(['tmpfs 1MB eager slow'])
  expect(stdout).toMatch(/^tmpfs, eager slow, native handler/m)
  expect(junit).toContain('name="criu" value="debian 4.1.1')
}, 300_000)

test('-t selects CRIUs; one that does not work is refused by its name, and the arguments of the others reach CRIU', async () => {
  const broken = comparing({ stock: 'build', broken: '/bin/true' })
  const [dump, restore] = ['dump', 'restore'].map((command, index) =>
    comparing({ stock: 'build', odd: { path: 'build', [command]: ['--no-such-option'] } }, index + 2),
  )
  const { status, stdout, stderr, results } = await expectNothingLeft(() =>
    runBenchProject(`${broken}${dump}${restore}`, {}, ['-t', 'broken|odd']),
  )
  expect(status).toBe(1)
  expect(results.suites).toEqual([])
  const output = `${stdout}${stderr}`
  expect(output).toContain('cannot use the base image (criu "broken": program /bin/true)')
  for (const failure of ['cannot dump process', 'cannot restore on']) {
    const error = output.slice(output.indexOf(failure))
    expect(error).toMatch(/^[^]{0,600}unrecognized option\W+no-such-option/)
  }
})
