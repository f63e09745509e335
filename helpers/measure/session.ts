import type { Settings } from '../config/options.ts'
import { filesystem, whileMounted } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { openHosts, type HostsRecord, type TwoHosts } from '../hosts/hosts.ts'
import type { Host } from '../host/host.ts'
import { machineNetwork } from '../network/network.ts'
import { NoiseWatch } from './noise.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { phaseOf } from '../../reports/timeline.ts'
import { prepare, type DumpSample, type Prepared } from './prepare.ts'
import { strategyNamed } from '../strategies/index.ts'
import type { Checkpoint, TrialOptions } from '../restore/restore-run.ts'
import { countOf, isEnough, watchedTrial, type WatchedSample } from './sampling.ts'
import { formatMilliseconds } from '../units.ts'
import type { Cell } from '../matrix/matrix.ts'

/** What a cell was measured with, and what it gave. */
export interface Measured {
  readonly prepared: Prepared
  readonly checkpoint: Checkpoint
  readonly samples: readonly WatchedSample[]
  /** Where the dump and the restores ran, where these are two hosts. */
  readonly hosts?: HostsRecord
}

type Ready = Omit<Measured, 'samples'>

/** How many times as long the second took, where that is more than noise; undefined where it is not. */
type HasChanged = (before: readonly WatchedSample[], now: readonly WatchedSample[]) => number | undefined
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
  /** Cells whose samples of the common rounds were handed out. */
  readonly #used = new Set<Cell>()
  readonly #ready = new Map<Cell, Ready>()
  readonly #places = new Map<string | undefined, Promise<Place>>()
  readonly #dumpsAgain = new Map<Prepared, Promise<readonly DumpSample[]>>()
  readonly #hosts = new Set<Host>()
  readonly #noise = new NoiseWatch(this.#hosts)
  #rounds: Promise<Map<Cell, WatchedSample[]>> | undefined

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
      const { dumps, restores, record, network } = await group.#placeOf(first, progress)
      const plan = {
        ...settings,
        restoreOn: restores,
        network,
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
      if (prepared.mounted.servers) group.#hosts.add(prepared.mounted.servers)
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
    const place = openPlace(cell, this.#settings, progress).then((opened) => {
      for (const host of [opened.dumps, opened.restores]) if (host) this.#hosts.add(host)
      return this.#undo.use(opened)
    })
    this.#places.set(cell.restoreOn, place)
    return place
  }

  /** The samples of a cell: of the common rounds, or where those were used already (a retry), of new ones of its own. */
  async measure(cell: Cell): Promise<Measured> {
    const ready = this.#readyFor(cell)
    this.#rounds ??= this.#run([...this.#ready.keys()])
    const rounds = await this.#rounds
    const samples = this.#used.has(cell) ? await this.#alone(cell) : (rounds.get(cell) ?? [])
    this.#used.add(cell)
    return { ...ready, samples }
  }

  #readyFor(cell: Cell): Ready {
    const ready = this.#ready.get(cell)
    if (!ready) throw new Error(`${cell.title} was not prepared: no test of its suite was selected`)
    return ready
  }

  async #alone(cell: Cell): Promise<WatchedSample[]> {
    return (await this.#run([cell])).get(cell) ?? []
  }

  /**
   * As many samples of a cell once more, in turn with a neighbour of the group, where there is one: where that has
   * changed too since it was measured, it was the machine, and the samples say so.
   */
  async measureAgain(cell: Cell, hasChanged: HasChanged): Promise<Measured> {
    const ready = this.#readyFor(cell)
    const neighbour = [...this.#ready.keys()].find((each) => each !== cell && !each.cold)
    this.#progressOf(cell.title)(`differs from the baseline: once more${neighbour ? `, in turn with ${neighbour.title}` : ''}`) // prettier-ignore
    const again = await this.#run(neighbour ? [neighbour, cell] : [cell])
    const samples = again.get(cell) ?? []
    const before = neighbour && (await this.#rounds)?.get(neighbour)
    const ratio = before && hasChanged(before, again.get(neighbour) ?? [])
    if (ratio === undefined) return { ...ready, samples }
    const label = `${neighbour?.title}, its neighbour, took ${ratio.toFixed(2)} × as long as before`
    const labelled = samples.map((sample) => ({ ...sample, noise: [...(sample.noise ?? []), label] }))
    return { ...ready, samples: labelled }
  }

  /** As many dumps of a cell once more, of a handler of its own: the same for all cells that share the first ones. */
  dumpAgain(cell: Cell): Promise<readonly DumpSample[]> {
    const { prepared } = this.#readyFor(cell)
    const known = this.#dumpsAgain.get(prepared)
    if (known) return known
    this.#progressOf(cell.title)('dump differs from the baseline: once more')
    const dumps = whileMounted(prepared.mounted, prepared.dumpAgain())
    this.#dumpsAgain.set(prepared, dumps)
    return dumps
  }

  get #options(): TrialOptions {
    const { injectedDelay } = this.#settings
    return injectedDelay
      ? {
          injectedDelay: {
            where: injectedDelay.where,
            nanoseconds: Math.round(injectedDelay.milliseconds * 1e6),
          },
        }
      : {}
  }

  async #run(cells: readonly Cell[]): Promise<Map<Cell, WatchedSample[]>> {
    const { warmup, iterations, time } = this.#settings
    const effort = { iterations, time: time * cells.length }
    const samples = new Map(cells.map((cell): [Cell, WatchedSample[]] => [cell, []]))
    let started = 0
    for (let round = -warmup; round < 0 || !isEnough(round, started, effort); round++) {
      if (round <= 0) started = performance.now()
      const which = round < 0 ? 'warm-up' : `iteration ${countOf(round + 1, effort)}`
      for (const cell of cells) {
        const sample = await this.#sample(cell)
        if (round >= 0) samples.get(cell)?.push(sample)
        const coldStart = formatMilliseconds(phaseOf(sample.points, 'cold start'))
        this.#progressOf(cell.title)(`${which}: cold start ${coldStart} ms`)
      }
    }
    return samples
  }

  async #sample(cell: Cell): Promise<WatchedSample> {
    const { prepared, checkpoint } = this.#readyFor(cell)
    const { mounted } = prepared
    if (cell.cold) await whileMounted(mounted, dropCache(prepared))
    return whileMounted(mounted, watchedTrial(checkpoint, this.#noise, this.#options))
  }

  close(): Promise<void> {
    return this.#undo.disposeAsync()
  }
}

/** One host for both, or two. */
interface Place extends AsyncDisposable, Partial<Pick<TwoHosts, 'restores' | 'record' | 'network'>> {
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
