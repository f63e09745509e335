import type { FilesystemName, HandlerName, StrategyName } from '../config/names.ts'
import type { Settings } from '../config/options.ts'
import { filesystem, type Filesystem } from '../filesystems/index.ts'
import type { Handler } from '../handlers/definition.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { strategyNamed, type Strategy } from '../strategies/index.ts'
import { formatSize, parseSize, type Bytes } from '../units.ts'
import {
  groupOf,
  type BenchmarkCase,
  type CaseGroup,
  type CheckpointOrigin,
  type RestoreHost,
  type SharedCheckpoint,
} from './benchmark-case.ts'
import { interleaved } from './interleave.ts'

/** The axes of a suite. An axis that is missing is as the options say. */
export interface CaseMatrix {
  readonly filesystems?: readonly FilesystemName[]
  /** Bytes, or "64MB". */
  readonly sizes?: ReadonlyArray<Bytes | string>
  readonly strategies?: readonly StrategyName[]
  /** The function that is checkpointed, or the name of one. */
  readonly handler?: Handler | HandlerName
  /** Adds cold cases to the warm ones, on filesystems that can drop their cache. */
  readonly cold?: boolean
  /** The host that restores: "namespace", or "ssh://user@host:port". */
  readonly restoreOn?: string
  /** Measure all sizes of a filesystem in turn, as far as `memory` holds them. */
  readonly interleave?: boolean
}

/**
 * Resolves names to objects, once: every case that the axes and options ask for, in groups that are measured in turn.
 * Throws CriuBenchError for a name or size that does not exist.
 */
export function caseGroups(matrix: CaseMatrix, settings: Settings, memory: Bytes): CaseGroup[] {
  const checkpoints = checkpointsOf(matrix, settings)
  const { interleave = settings.interleave } = matrix
  // The user's own folder holds one checkpoint.
  return interleave && settings.rootfs === undefined
    ? interleaved(checkpoints, memory)
    : checkpoints.map((checkpoint) => groupOf([checkpoint]))
}

function checkpointsOf(matrix: CaseMatrix, settings: Settings): SharedCheckpoint[] {
  const { filesystems, sizes, strategies, cold, restoreOn, ...of } = { ...settings, ...matrix }
  const handler = typeof of.handler === 'string' ? handlerNamed(of.handler) : of.handler
  const resolved = strategies.map(strategyNamed)
  const host = restoreOn === undefined ? undefined : { name: restoreOn, link: settings.link }
  return tmpfsFirst(filesystems.map(filesystem)).flatMap((one) =>
    (handler.memory === undefined ? sizes.map(bytesOf) : [handler.memory]).flatMap((size) =>
      (cold && one.noCold === undefined ? [false, true] : [false]).map((isCold) => {
        const origin = { filesystem: one, size, handler, cold: isCold, ...hostFor(one, host) }
        return { ...origin, cases: resolved.map((strategy) => caseOf(origin, strategy)) }
      }),
    ),
  )
}

const bytesOf = (size: Bytes | string): Bytes => (typeof size === 'string' ? parseSize(size) : size)

/** The gate compares other filesystems with tmpfs, which has to be measured before them. */
const tmpfsFirst = (filesystems: readonly Filesystem[]): Filesystem[] =>
  filesystems.toSorted((one, other) => Number(other.name === 'tmpfs') - Number(one.name === 'tmpfs'))

/** A filesystem that no other host can mount is measured on one host. */
const hostFor = (one: Filesystem, host: RestoreHost | undefined): { restoreOn?: RestoreHost } =>
  host !== undefined && one.clientPrograms !== undefined ? { restoreOn: host } : {}

function caseOf(origin: CheckpointOrigin, strategy: Strategy): BenchmarkCase {
  const { filesystem: one, size, handler, cold, restoreOn } = origin
  const label = handler.memory === undefined ? formatSize(size) : handler.name
  const words = [one.name, label, strategy.name, ...(cold ? ['cold'] : []), ...wordsOf(restoreOn)]
  return { ...origin, title: words.join(' '), label, strategy }
}

/** "on namespace delay 1ms 100mbit". */
function wordsOf(host: RestoreHost | undefined): string[] {
  if (host === undefined) return []
  const { delay, bandwidth } = host.link
  return [
    'on',
    host.name,
    ...(delay === undefined ? [] : ['delay', delay]),
    ...(bandwidth ? [bandwidth] : []),
  ]
}
