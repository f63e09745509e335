import type { FilesystemName, HandlerName, StrategyName } from '../config/names.ts'
import type { CriuOptions, Settings } from '../config/options.ts'
import { resolveSettings } from '../config/settings.ts'
import { namedCrius, type NamedCriu } from '../criu/named.ts'
import { filesystem as filesystemNamed, type Filesystem } from '../filesystems/index.ts'
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

/** The axes of a suite. Missing axes come from the plugin's options. */
export interface CaseMatrix {
  readonly filesystems?: readonly FilesystemName[]
  /** In bytes, or as "64MB". */
  readonly sizes?: ReadonlyArray<Bytes | string>
  readonly strategies?: readonly StrategyName[]
  /** CRIUs by name: each dumps and restores with itself, in the same rounds. */
  readonly criu?: CriuOptions['criu']
  /** The program to checkpoint, or its name. */
  readonly handler?: Handler | HandlerName
  /** Adds cold cases to the warm ones, on filesystems that can drop their cache. */
  readonly cold?: boolean
  /** The host that restores: "namespace", or "ssh://user@host:port". */
  readonly restoreOn?: string
  /** Measures the sizes of a filesystem in turn, as many at a time as fit into memory. */
  readonly interleave?: boolean
}

/**
 * All cases of the matrix, in groups that are measured in turn. Names become objects here. `memory` is
 * the available memory. Throws CriuBenchError for an unknown name or an invalid size.
 */
export function caseGroups(matrix: CaseMatrix, settings: Settings, memory: Bytes): CaseGroup[] {
  const checkpoints = checkpointsOf(matrix, settings)
  const { interleave = settings.interleave } = matrix
  // The user's own folder can hold only one checkpoint.
  return interleave && settings.rootfs === undefined
    ? interleaved(checkpoints.flat(), memory)
    : checkpoints.map(groupOf)
}

/** The checkpoints of each origin: one, or one for each CRIU. */
function checkpointsOf(matrix: CaseMatrix, settings: Settings): SharedCheckpoint[][] {
  const { filesystems, sizes, strategies, cold, restoreOn, ...rest } = { ...settings, ...matrix }
  const handler = typeof rest.handler === 'string' ? handlerNamed(rest.handler) : rest.handler
  const resolved = strategies.map(strategyNamed)
  const crius = criusOf(
    matrix.criu === undefined ? settings.criu : resolveSettings({ criu: matrix.criu }, {}).criu,
  )
  const host = restoreOn === undefined ? undefined : { name: restoreOn, link: settings.link }
  return tmpfsFirst(filesystems.map(filesystemNamed)).flatMap((filesystem) =>
    (handler.memory === undefined
      ? sizes.map((size) => parseSize(size, 'size of restoreSuite()'))
      : [handler.memory]
    ).flatMap((size) =>
      (cold && filesystem.noCold === undefined ? [false, true] : [false]).map((isCold) => {
        const shared = { filesystem, size, handler, cold: isCold, ...hostFor(filesystem, host) }
        return crius.map((criu) => {
          const origin = criu === undefined ? shared : { ...shared, criu }
          return { ...origin, cases: resolved.map((strategy) => caseOf(origin, strategy)) }
        })
      }),
    ),
  )
}

const criusOf = (option: Settings['criu']): Array<NamedCriu | undefined> =>
  option === undefined ? [undefined] : namedCrius(option)

/** The gate compares other filesystems with tmpfs, so tmpfs is measured first. */
const tmpfsFirst = (filesystems: readonly Filesystem[]): Filesystem[] =>
  filesystems.toSorted((one, other) => Number(other.name === 'tmpfs') - Number(one.name === 'tmpfs'))

/** A filesystem that a second host cannot mount is restored on the host that dumps. */
const hostFor = (filesystem: Filesystem, host: RestoreHost | undefined): { restoreOn?: RestoreHost } =>
  host !== undefined && filesystem.clientPrograms !== undefined ? { restoreOn: host } : {}

function caseOf(origin: CheckpointOrigin, strategy: Strategy): BenchmarkCase {
  const { filesystem, size, handler, criu, cold, restoreOn } = origin
  const label = handler.memory === undefined ? formatSize(size) : handler.name
  const words = [
    filesystem.name,
    label,
    strategy.name,
    criu?.name,
    cold ? 'cold' : undefined,
    ...hostWords(restoreOn),
  ]
  return { ...origin, title: words.filter((word) => word !== undefined).join(' '), label, strategy }
}

/** "on namespace delay 1ms 100mbit". */
function hostWords(host: RestoreHost | undefined): string[] {
  if (host === undefined) return []
  const { delay, bandwidth } = host.link
  return [
    'on',
    host.name,
    ...(delay === undefined ? [] : ['delay', delay]),
    ...(bandwidth ? [bandwidth] : []),
  ]
}
