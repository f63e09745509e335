import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { cli, startBench, type Running } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { hierarchies } from '../cgroup/cgroups.ts'
import { readStat } from '../proc/stat.ts'
import { LEDGERS } from '../installation/paths.ts'
import { openSandbox } from './sandbox.ts'

const NAME = `vitest-criu-interrupted-${process.pid}`
/** Of runs that end before they have results. */
const OUTPUT = join(tmpdir(), NAME)
afterAll(() => rm(OUTPUT, { recursive: true, force: true }))

/** Moments of a run, by the progress line that comes right before. */
const MOMENTS = [
  ['the base image is exported', /exporting the base image/],
  ['the handler gets ready', /starting the \w+ handler/],
  ['it dumps', /dump 1\/3/],
  ['images are copied', /copying images/],
  ['it restores', /iteration 1\/3/],
] as const

const run = (environment: Record<string, string> = {}): Running =>
  startBench(['-t', '256MB'], {
    CONTAINER_NAME: NAME,
    VITEST_CRIU_HANDLER: 'native',
    // The restore that takes its time.
    VITEST_CRIU_STRATEGIES: 'eager',
    // One for the moment to be told, one for the signal to come into, one to spare.
    VITEST_CRIU_ITERATIONS: '3',
    VITEST_CRIU_OUTPUT: OUTPUT,
    ...environment,
  })

/** Everyone in the run's process group: vitest, its workers, but not the supervisor. */
async function membersOf(group: number): Promise<number[]> {
  const members: number[] = []
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const stat = await readStat(pid)
    if (stat?.processGroup === group) members.push(Number(pid))
  }
  return members
}

/** The supervisor of the sandbox whose containers have our name. */
async function supervisor(): Promise<number> {
  for (const file of await readdir(LEDGERS)) {
    const content = await readFile(`${LEDGERS}/${file}`, 'utf8').catch(() => '')
    if (content.includes(`"${NAME}-`)) return Number.parseInt(file, 10)
  }
  return expect.fail(`no ledger of ${NAME}`)
}

/** The cgroups of the run's containers, whose names start with ours. */
async function ownCgroups(): Promise<string[]> {
  const all = await Promise.all(
    (await hierarchies()).map(async (folder) => (await readdir(folder)).map((name) => join(folder, name))),
  )
  return all.flat().filter((path) => basename(path).startsWith(NAME))
}

describe.each(MOMENTS)('while %s', (_moment, line) => {
  test('Ctrl-C leaves nothing behind', async () => {
    await expectNothingLeft(async () => {
      const { says, group, ended } = run()
      await says(line)
      process.kill(-group, 'SIGINT')
      expect((await ended).status).not.toBe(0)
    })
  })

  test('SIGKILL of vitest and its worker leaves nothing behind', async () => {
    await expectNothingLeft(async () => {
      const { says, group, ended } = run()
      await says(line)
      expect((await membersOf(group)).length).toBeGreaterThan(1)
      process.kill(-group, 'SIGKILL')
      expect((await ended).status).toBe('SIGKILL')
    })
  })
})

/** A base image whose criu never ends in a container: its probe of the kernel lasts as long as a test wants. */
async function sleepingImage(folder: string): Promise<void> {
  const source = join(folder, 'criu.c')
  await writeFile(
    source,
    `#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) { return argc && !strcmp(argv[0], "/.criu/criu") ? pause() : !puts("Looks good."); }
`,
  )
  await mkdir(join(folder, 'usr/sbin'), { recursive: true })
  await promisify(execFile)('gcc', ['-static', '-o', join(folder, 'usr/sbin/criu'), source])
}

test.each(['SIGINT', 'SIGKILL'] as const)(
  '%s while its criu probes the kernel leaves nothing behind',
  async (signal) => {
    await using image = await temporaryFolder()
    await sleepingImage(image.path)
    await expectNothingLeft(async () => {
      const { says, group, ended } = run({ BASE_IMAGE: image.path })
      await says(/exporting the base image/)
      await expect.poll(ownCgroups, { timeout: 10_000 }).not.toEqual([])
      process.kill(-group, signal)
      expect((await ended).status).not.toBe(0)
    })
  },
)

/** Ends a run and its supervisor at that moment, then runs what is to find nothing of it, or to clean up. */
const withoutSupervisor = (line: RegExp, next: () => Promise<unknown>): Promise<void> =>
  expectNothingLeft(async () => {
    const { says, group, ended } = run()
    await says(line)
    process.kill(await supervisor(), 'SIGKILL')
    process.kill(-group, 'SIGKILL')
    await ended
    await next()
  })

describe.each(MOMENTS.slice(-3))('while %s, SIGKILL of the supervisor as well', (_moment, line) => {
  test('leaves no mount and no process, and no cgroup after `clean`', async () => {
    await withoutSupervisor(line, async () => {
      // Whether it was this sweep or that of another run on the machine: the cgroup is gone.
      expect((await cli(['clean'])).status).toBe(0)
      expect(await ownCgroups()).toEqual([])
    })
  })

  test('leaves nothing behind once the next sandbox is open', async () => {
    await withoutSupervisor(line, async () => {
      // Its name starts otherwise, because it has a cgroup of its own.
      await using _next = await openSandbox(`next-${NAME}`)
      expect(await ownCgroups()).toEqual([])
    })
  })
})
