import type { Settings } from '../config/options.ts'
import { filesystem, whileMounted } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { openHosts, type HostsRecord, type TwoHosts } from '../hosts/hosts.ts'
import type { Host } from '../system/host.ts'
import { machineNetwork } from '../system/network.ts'
import { openSandbox } from '../system/sandbox.ts'
import { phaseOf } from '../trial/phases.ts'
import { prepare, type Prepared } from '../trial/prepare.ts'
import { strategyNamed } from '../trial/strategies/index.ts'
import { runTrial, type Checkpoint, type Sample } from '../trial/trial.ts'
import { formatMilliseconds } from '../units.ts'
import type { Cell } from './matrix.ts'

/** What a cell was measured with, and what it gave. */
export interface Measured {
  readonly prepared: Prepared
  readonly checkpoint: Checkpoint
  readonly samples: readonly Sample[]
  /** Where the dump and the restores ran, where these are two hosts. */
  readonly hosts?: HostsRecord
}

type Progress = (line: string) => void
type ProgressOf = (title: string) => Progress

/**
 * Cells that share one sandbox, from the first of their suites that runs to the last: their set-up, and rounds in which
 * each is measured once before any is measured again.
 */
export class Group {
  readonly #settings: Settings
  readonly #progressOf: ProgressOf
  readonly #undo = new AsyncDisposableStack()
  readonly #ready = new Map<Cell, Omit<Measured, 'samples'>>()
  readonly #places = new Map<string | undefined, Promise<Place>>()
  #rounds: Promise<Map<Cell, Sample[]>> | undefined

  private constructor(settings: Settings, progressOf: ProgressOf) {
    this.#settings = settings
    this.#progressOf = progressOf
  }

  /** Prepares cells, those of a (filesystem, size) pair together; what was half built when it fails is undone. */
  static async open(cells: readonly Cell[], settings: Settings, progressOf: ProgressOf): Promise<Group> {
    const group = new Group(settings, progressOf)
    await using undo = new AsyncDisposableStack()
    undo.defer(() => group.#undo.disposeAsync())
    const pairs = [
      ...Map.groupBy(
        cells,
        ({ filesystem: name, size, cold, handler, restoreOn }) =>
          `${name} ${size} ${cold} ${handler} ${restoreOn}`,
      ).values(),
    ]
    for (const [index, pair] of pairs.entries()) {
      const [first] = pair
      if (!first) continue
      const progress = progressOf(titleOf(pair))
      const { dumps, restores, record } = await group.#placeOf(first, progress)
      const plan = {
        ...settings,
        restoreOn: restores,
        filesystem: filesystem(first.filesystem),
        size: first.size,
        handler: handlerNamed(first.handler),
        strategies: pair.map(({ strategy }) => strategyNamed(strategy)),
        containerName: nameFor(settings),
        // The user's folder can hold one pair: of several at once each has a private one.
        rootfs: pairs.length === 1 ? settings.rootfs : undefined,
        privateName: `rootfs-${index}`,
      }
      const { noCold } = plan.filesystem
      if (settings.cold && noCold !== undefined) progress(`measured warm only: ${noCold}`)
      const prepared = group.#undo.use(await prepare(dumps, plan, progress))
      for (const [position, checkpoint] of prepared.checkpoints.entries()) {
        const cell = pair[position]
        if (cell) group.#ready.set(cell, { prepared, checkpoint, ...(record && { hosts: record }) })
      }
    }
    undo.move()
    return group
  }

  /** Where a cell is dumped and restored: opened once for all that share it. */
  #placeOf(cell: Cell, progress: Progress): Promise<Place> {
    const known = this.#places.get(cell.restoreOn)
    if (known) return known
    const place = openPlace(cell, this.#settings, progress).then((opened) => this.#undo.use(opened))
    this.#places.set(cell.restoreOn, place)
    return place
  }

  /** The samples of a cell: of the common rounds, or where those were used already (a retry), of new ones of its own. */
  async measure(cell: Cell): Promise<Measured> {
    const ready = this.#ready.get(cell)
    if (!ready) throw new Error(`${cell.title} was not prepared: no test of its suite was selected`)
    this.#rounds ??= this.#run([...this.#ready.keys()])
    const rounds = await this.#rounds
    const samples = rounds.get(cell) ?? (await this.#run([cell])).get(cell) ?? []
    rounds.delete(cell)
    return { ...ready, samples }
  }

  async #run(cells: readonly Cell[]): Promise<Map<Cell, Sample[]>> {
    const { warmup, iterations } = this.#settings
    const samples = new Map(cells.map((cell): [Cell, Sample[]] => [cell, []]))
    for (let round = -warmup; round < iterations; round++) {
      const which = round < 0 ? 'warm-up' : `iteration ${round + 1}/${iterations}`
      for (const cell of cells) {
        const ready = this.#ready.get(cell)
        if (!ready) continue
        if (cell.cold) await whileMounted(ready.prepared.mounted, dropCache(ready.prepared))
        const { sample } = await whileMounted(ready.prepared.mounted, runTrial(ready.checkpoint))
        if (round >= 0) samples.get(cell)?.push(sample)
        const coldStart = formatMilliseconds(phaseOf(sample.points, 'cold start'))
        this.#progressOf(cell.title)(`${which}: cold start ${coldStart} ms`)
      }
    }
    return samples
  }

  close(): Promise<void> {
    return this.#undo.disposeAsync()
  }
}

/** One host for both, or two. */
interface Place extends AsyncDisposable, Partial<Pick<TwoHosts, 'restores' | 'record'>> {
  readonly dumps: Host
}

async function openPlace(cell: Cell, settings: Settings, progress: Progress): Promise<Place> {
  const containerName = nameFor(settings)
  const { restoreOn, link = {} } = cell
  if (restoreOn !== undefined) {
    const programs = filesystem(cell.filesystem).clientPrograms?.(settings) ?? []
    // A user's own cluster is reached by this machine's network, and not by one of this run's.
    const network = settings.ceph.conf === undefined ? undefined : machineNetwork('127.0.0.1')
    const { sshConfig } = settings
    return openHosts({ restoreOn, containerName, link, sshConfig, programs, network }, progress)
  }
  const sandbox = await openSandbox(containerName)
  return { dumps: sandbox, [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose]() }
}

const nameFor = ({ containerName }: Settings): string => containerName ?? `vitest-criu-${process.pid}`

const dropCache = async ({ mounted }: Prepared): Promise<void> => mounted.dropCache?.()

const titleOf = (pair: readonly Cell[]): string => pair.map(({ title }) => title).join(', ')
