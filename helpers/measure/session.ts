import type { Settings } from '../config/options.ts'
import { CriuBenchError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import type { HostsRecord } from '../hosts/hosts.ts'
import type { BenchmarkCase, CaseGroup, SharedCheckpoint } from '../matrix/benchmark-case.ts'
import type { Checkpoint, RestoreOptions, RestoreSample } from '../restore/restore-run.ts'
import type { Strategy } from '../strategies/index.ts'
import { containerNameOf, HostPairs } from './host-pairs.ts'
import { holdLog } from './kept-logs.ts'
import { NoiseMonitor } from './noise.ts'
import { prepare, type PreparedCheckpoint } from './prepare.ts'
import { restoreSubject, type MeasuredSample } from './restores.ts'
import { takeSamples, type Subject } from './sampler.ts'

/** The samples of a case, with the checkpoint that they were measured with. */
export interface Measurement extends PreparedCase {
  readonly samples: readonly MeasuredSample[]
}

/** A case whose checkpoint is ready to be restored. */
interface PreparedCase {
  readonly prepared: PreparedCheckpoint
  readonly checkpoint: Checkpoint
  /** Missing if the same host dumps and restores. */
  readonly hosts?: HostsRecord
}

type Progress = (line: string) => void
/** Where the progress of a suite is reported. */
export type ProgressOf = (title: string) => Progress

/**
 * The set-up of a group of cases, which lasts from the first suite that needs it to the last. Its checkpoints are
 * prepared once, and its cases are measured in turn. Disposing of it removes everything.
 */
export class Session implements AsyncDisposable {
  readonly #settings: Settings
  readonly #progressOf: ProgressOf
  readonly #undo = new AsyncDisposableStack()
  readonly #cases = new Map<BenchmarkCase, PreparedCase>()
  /** Errors that concern one case only. */
  readonly #failures = new Map<BenchmarkCase, unknown>()
  /** Their processes are not noise. Filled while checkpoints are prepared. */
  readonly #hostsUnderTest = new Set<Host>()
  readonly #noise = new NoiseMonitor(this.#hostsUnderTest)
  /** The samples of the rounds that all cases share. */
  #rounds: Promise<Map<BenchmarkCase, MeasuredSample[]>> | undefined
  /** Cases whose samples of the shared rounds were already returned. */
  readonly #handedOut = new Set<BenchmarkCase>()

  private constructor(settings: Settings, progressOf: ProgressOf) {
    this.#settings = settings
    this.#progressOf = progressOf
  }

  /** Prepares the selected cases of a group. A failure undoes what was done. Throws CriuBenchError. */
  static async open(
    group: CaseGroup,
    selected: readonly BenchmarkCase[],
    settings: Settings,
    progressOf: ProgressOf,
  ): Promise<Session> {
    const session = new Session(settings, progressOf)
    await using undo = new AsyncDisposableStack()
    undo.use(session)
    const pairs = session.#undo.use(new HostPairs(settings))
    for (const [index, shared] of group.checkpoints.entries()) {
      const cases = shared.cases.filter((each) => selected.includes(each))
      if (cases.length === 0) continue
      // The user's folder can hold only one checkpoint. Several checkpoints get a private folder each.
      const rootfs = group.checkpoints.length === 1 ? settings.rootfs : undefined
      await session.#prepare(shared, cases, pairs, { rootfs, privateName: `rootfs-${index}` })
    }
    undo.move()
    return session
  }

  async #prepare(
    { filesystem, size, handler, criu, ...origin }: SharedCheckpoint,
    cases: readonly BenchmarkCase[],
    pairs: HostPairs,
    place: { rootfs: string | undefined; privateName: string },
  ): Promise<void> {
    const settings = this.#settings
    const progress = this.#progressOf(cases.map(({ title }) => title).join(', '))
    const { dumpHost, restoreHost, network, record } = await pairs.of({ filesystem, size, handler, ...origin }, progress) // prettier-ignore
    for (const host of [dumpHost, restoreHost]) if (host) this.#hostsUnderTest.add(host)
    if (settings.cold && filesystem.noCold !== undefined)
      progress(`measuring warm only: ${filesystem.noCold}`)
    const strategies = [...new Set(cases.map(({ strategy }) => strategy))]
    const onStrategyError = (failed: Strategy, error: unknown): void =>
      cases.filter(({ strategy }) => strategy === failed).forEach((each) => this.#fail(each, error))
    const containerName = containerNameOf(settings)
    const plan = { ...settings, ...place, filesystem, size, handler, criu, strategies, containerName, network, restoreOn: restoreHost, onStrategyError } // prettier-ignore
    const prepared = this.#undo.use(await prepare(dumpHost, plan, progress))
    if (prepared.mounted.servers) this.#hostsUnderTest.add(prepared.mounted.servers)
    for (const benchmarkCase of cases) {
      const { name } = benchmarkCase.strategy
      const checkpoint = prepared.checkpoints.find(({ restorable }) => restorable.strategy === name)
      if (checkpoint) this.#cases.set(benchmarkCase, { prepared, checkpoint, ...(record && { hosts: record }) }) // prettier-ignore
    }
  }

  #fail(benchmarkCase: BenchmarkCase, error: unknown): void {
    this.#failures.set(benchmarkCase, named(benchmarkCase.title, error))
  }

  /** The samples of a case from the rounds that all cases share. A retry takes new samples, of this case alone. */
  async measure(benchmarkCase: BenchmarkCase): Promise<Measurement> {
    const prepared = this.#preparedFor(benchmarkCase)
    const rounds = await this.#commonRounds()
    const isRetry = this.#handedOut.has(benchmarkCase)
    this.#handedOut.add(benchmarkCase)
    const [samples = []] = isRetry ? await this.#take([benchmarkCase]) : [rounds.get(benchmarkCase) ?? []]
    this.#throwFailure(benchmarkCase)
    return { ...prepared, samples }
  }

  /** The measurements of those cases that were prepared, from the rounds that all cases share. */
  async measurementsOf(cases: readonly BenchmarkCase[]): Promise<Array<[BenchmarkCase, Measurement]>> {
    const rounds = await this.#commonRounds()
    return cases.flatMap((each): Array<[BenchmarkCase, Measurement]> => {
      const prepared = this.#failures.has(each) ? undefined : this.#cases.get(each)
      return prepared ? [[each, { ...prepared, samples: rounds.get(each) ?? [] }]] : []
    })
  }

  #preparedFor(benchmarkCase: BenchmarkCase): PreparedCase {
    const prepared = this.#cases.get(benchmarkCase)
    if (prepared) return prepared
    this.#throwFailure(benchmarkCase)
    throw new Error(`${benchmarkCase.title} was not prepared: no test of its suite was selected`)
  }

  #throwFailure(benchmarkCase: BenchmarkCase): void {
    if (this.#failures.has(benchmarkCase)) throw this.#failures.get(benchmarkCase)
  }

  #commonRounds(): Promise<Map<BenchmarkCase, MeasuredSample[]>> {
    const cases = [...this.#cases.keys()]
    this.#rounds ??= this.#take(cases).then(
      (samples) => new Map(cases.map((each, index) => [each, samples[index] ?? []])),
    )
    return this.#rounds
  }

  #take(cases: readonly BenchmarkCase[]): Promise<MeasuredSample[][]> {
    for (const each of cases) this.#failures.delete(each)
    return takeSamples(cases.map((each) => this.#subjectOf(each)), this.#settings, this.#noise) // prettier-ignore
  }

  #subjectOf(benchmarkCase: BenchmarkCase): Subject<RestoreSample> {
    const { prepared, checkpoint } = this.#preparedFor(benchmarkCase)
    const progress = this.#progressOf(benchmarkCase.title)
    const onLog = this.#settings.keep && holdLog(benchmarkCase)
    const options = { ...optionsOf(this.#settings), cold: benchmarkCase.cold, progress, onLog }
    return {
      ...restoreSubject(checkpoint, prepared.mounted, options),
      onError: (error) => this.#fail(benchmarkCase, error),
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync()
  }
}

/** The error of one case, which says whose it is. */
const named = (title: string, error: unknown): unknown =>
  error instanceof CriuBenchError
    ? new CriuBenchError({ ...error.facts, failed: `${title}: ${error.facts.failed}` }, { cause: error })
    : error

function optionsOf({ injectedDelay }: Settings): RestoreOptions {
  if (!injectedDelay) return {}
  const { where, milliseconds } = injectedDelay
  return { injectedDelay: { where, nanoseconds: Math.round(milliseconds * 1e6) } }
}
