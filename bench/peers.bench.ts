/**
 * Compares the lean container, and restores in it, with what people use: other container runtimes, engines, and CRIU
 * alone. All of them run the same programs, with the same CRIU and in memory, and are measured in turn. One sample lasts
 * from the start of the command: to its end for a start, to the process' answer for a restore.
 */
import { describe, expect, test } from 'vitest'
import { HANDLER_FOLDER, handlerFiles } from '../helpers/handlers/handler.ts'
import { MB } from '../helpers/index.ts'
import { fixture } from '../helpers/installation/paths.ts'
import type { PreparedCheckpoint } from '../helpers/measure/prepare.ts'
import { compile } from '../helpers/programs/compile.ts'
import { openSandbox, type Sandbox } from '../helpers/sandbox/sandbox.ts'
import { parseSize, type Bytes } from '../helpers/units.ts'
import { checkpointIn } from './checkpoint.ts'
import { compare, measuresOf, type Medians } from './peers/comparison.ts'
import { criuAlone } from './peers/criu.ts'
import { docker, podman } from './peers/engines.ts'
import { leanContainer, restoreBy } from './peers/lean-container.ts'
import { crun, runc } from './peers/oci.ts'
import type { Peer } from './peers/peer.ts'
import type { Measure } from './peers/sample.ts'
import { bubblewrap, unshare } from './peers/tools.ts'
import { openSite, siteFor } from './site.ts'

const STARTING = [leanContainer, unshare, bubblewrap, crun, runc, podman, docker]
const RESTORING = [criuAlone, runc, crun, podman, docker]
/** Those that give a container a cgroup as well, and so do as much as the lean container. */
const RUNTIMES: readonly Peer[] = [crun, runc, podman, docker]
/** The first is what the peers are compared with. */
const STRATEGIES = ['mapped', 'lazy', 'eager'] as const
const SIZES = ['16MB', '64MB', '256MB', '1024MB']
/** From this size on, `mapped` must be 40 times ahead, below 3 times. */
const LARGE = 256 * MB

/** Measured runtimes that do not take at least `times` as long as the first of the compared. */
function tooFast(medians: Medians, times: number): string[] {
  const [own = Number.NaN] = medians.values()
  const measured = RUNTIMES.map(({ name }) => name).filter((name) => medians.has(name))
  return measured.filter((name) => !((medians.get(name) ?? 0) >= times * own))
}

/** The measures of all strategies, and of the peers, for a process of this size. */
async function restoresOf(
  sandbox: Sandbox,
  prepared: PreparedCheckpoint,
  size: Bytes,
): Promise<Map<string, Measure>> {
  const native = await compile(fixture('handlers/native-handler.c'))
  const site = await openSite(sandbox, [native])
  const { lock, report } = handlerFiles(HANDLER_FOLDER)
  const checksum = prepared.checkpoints[0]?.checksum ?? ''
  const restored = { command: [native, String(size), lock, report], checksum }
  const own = prepared.checkpoints.map(
    async (each) => [each.restorable.strategy, await restoreBy(each)] as const,
  )
  const others = await measuresOf(RESTORING, 'restore', async (peer) => peer.restore?.(await siteFor(peer.name, site), restored)) // prettier-ignore
  return new Map([...(await Promise.all(own)), ...others])
}

describe('peers', () => {
  test('start of a container', async (context) => {
    await using sandbox = await openSandbox(`vitest-criu-peers-${process.pid}`)
    const nothing = await compile(fixture('load/nothing.c'))
    const site = await openSite(sandbox, [nothing])
    const measures = await measuresOf(STARTING, 'start', async (peer) => peer.start?.(await siteFor(peer.name, site), [nothing])) // prettier-ignore
    const peers = STARTING.filter(({ name }) => measures.has(name))
    const medians = await compare(context, { title: 'start of a container', measures, peers }, sandbox)
    expect(tooFast(medians, 3)).toEqual([])
    const [own = Number.NaN, ...others] = medians.values()
    expect(Math.min(...others)).toBeGreaterThan(own)
  })

  test.for(SIZES)('restore of %s', async (label, context) => {
    await using sandbox = await openSandbox(`vitest-criu-peers-${process.pid}`)
    const size = parseSize(label, 'size of a peer')
    await using prepared = await checkpointIn(sandbox, { size, strategies: STRATEGIES })
    const measures = await restoresOf(sandbox, prepared, size)
    const peers = [leanContainer, ...RESTORING.filter(({ name }) => measures.has(name))]
    const medians = await compare(context, { title: `restore of ${label}`, measures, peers }, sandbox)
    expect(tooFast(medians, size < LARGE ? 3 : 40)).toEqual([])
  })
})
