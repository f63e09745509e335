/** Run by `npm run images`: base images of Debian releases, as tarballs and in the engines of containers. */
import { readFileSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { CACHE } from '../installation/paths.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { runRestore } from '../restore/restore-run.ts'
import { strategyNamed } from '../strategies/index.ts'
import { runBenchProject } from '../testing/bench-project.ts'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { debianImage, noDebianImages } from '../testing/debian-image.ts'
import { importImage, noEngine, openDocker, openPodman } from '../testing/engines.ts'
import { PROJECT } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf } from '../testing/messages.ts'
import { findBaseImage } from './base-image.ts'

const SUITE = `criu.restoreSuite({ strategies: ['mapped', 'lazy', 'eager'] })`
const SMALL = { VITEST_CRIU_SIZES: '4MB', VITEST_CRIU_TOLERANCE: '1000' }

/** Restores the Python handler with each strategy. Returns the error message, or the number of restores. */
const restoresWith = (baseImage: string): Promise<string> =>
  messageOf(() => {
    const strategies = ['mapped', 'lazy', 'eager'].map(strategyNamed)
    return withCheckpoints(
      { baseImage, strategies, handler: handlerNamed('python') },
      async (checkpoints) => {
        for (const checkpoint of checkpoints)
          expect((await runRestore(checkpoint)).sample.checksum).toBe(checkpoint.checksum)
        return checkpoints.length
      },
    )
  })

afterEach(() => void vi.unstubAllEnvs())

const debian = noDebianImages()

describe.skipIf(debian)(`the base image of a Debian release${debian ? ` (${debian})` : ''}`, () => {
  test('works, or is refused before a dump if its criu does not support the kernel: Debian 12', async () => {
    expect(await restoresWith(await debianImage('bookworm'))).toMatch(
      /^no error, but 3$|^cannot use the base image \(tarball .*\): its criu 3\.17\.1 does not work on this kernel\n.*\n.*\n.*BASE_IMAGE=build.*\n  log: .*Error \(criu\//,
    )
  }, 400_000)

  test.each(['trixie', 'forky'])('works: %s', async (suite) => {
    expect(await restoresWith(await debianImage(suite))).toBe('no error, but 3')
  }, 400_000) // prettier-ignore

  test('works if it is larger than the room that every checkpoint has', async () => {
    expect(await restoresWith(await debianImage('trixie', 'important'))).toBe('no error, but 3')
  }, 400_000)
})

const docker = debian ?? noEngine('docker')

test.skipIf(docker)(`an image called criu in Docker's engine is found by itself${docker ? ` (${docker})` : ''}`, async () => {
  await expectNothingLeft(async () => {
    await using engine = await openDocker(`vitest-criu-docker-${process.pid}`)
    await importImage('docker', engine, await debianImage('trixie'), 'criu')
    const { status, stdout, stderr, results } = await runBenchProject(SUITE, { ...SMALL, ...engine.environment })
    expect(status, stdout + stderr).toBe(0)
    expect(results.suites.map(({ baseImage }) => baseImage)).toEqual(Array(3).fill('criu 4.1.1, docker image criu'))
  })
}, 400_000) // prettier-ignore

const podman = debian ?? noEngine('podman')

test.skipIf(podman)(`BASE_IMAGE=podman:NAME is used${podman ? ` (${podman})` : ''}`, async () => {
  await expectNothingLeft(async () => {
    await using engine = await openPodman()
    await importImage('podman', engine, await debianImage('trixie'), 'criu')
    const variables = { ...SMALL, ...engine.environment, BASE_IMAGE: 'podman:criu' }
    const { status, stdout, stderr, results } = await runBenchProject(SUITE, variables)
    expect(status, stdout + stderr).toBe(0)
    expect(results.suites.map(({ baseImage }) => baseImage)).toEqual(Array(3).fill('criu 4.1.1, podman image criu'))
  })
}, 400_000) // prettier-ignore

test.skipIf(podman)(`a new image of the same name replaces the cached export of the earlier one${podman ? ` (${podman})` : ''}`, async () => {
  await using engine = await openPodman()
  await using folder = await temporaryFolder()
  for (const [name, value] of Object.entries(engine.environment)) vi.stubEnv(name, value)
  const paths: string[] = []
  for (const content of ['first', 'second']) {
    await mkdir(join(folder.path, content))
    const tar = join(folder.path, `${content}.tar`)
    await execa('tar', ['-C', folder.path, '-cf', tar, content])
    await importImage('podman', engine, tar, 'vitest-criu-replaced')
    paths.push((await findBaseImage('podman:vitest-criu-replaced')).path)
  }
  const cached = await readdir(CACHE)
  expect(paths.map((path) => cached.includes(basename(path)))).toEqual([false, true])
}, 100_000) // prettier-ignore

/** The Containerfile that helpers/README.md shows. */
const shown =
  readFileSync(join(PROJECT, 'helpers/README.md'), 'utf8').match(/```dockerfile\n(.*?)```/s)?.[1] ?? ''

test.skipIf(podman)(`the Containerfile of helpers/README.md makes an image that works${podman ? ` (${podman})` : ''}`, async () => {
  await using engine = await openPodman()
  await using folder = await temporaryFolder()
  // In place of a registry's image.
  await importImage('podman', engine, await debianImage('trixie', 'minbase', []), 'debian:13')
  await writeFile(join(folder.path, 'Containerfile'), shown)
  const build = ['build', '--isolation', 'chroot', '--network', 'host', '--tag', 'vitest-criu-shown', folder.path]
  await execa('podman', build, { env: engine.environment, timeout: 300_000 })
  for (const [name, value] of Object.entries(engine.environment)) vi.stubEnv(name, value)
  expect(await restoresWith('podman:vitest-criu-shown')).toBe('no error, but 3')
}, 400_000) // prettier-ignore
