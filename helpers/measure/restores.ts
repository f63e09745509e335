import { durationOf } from '../../reports/timeline.ts'
import { whileMounted, type MountedFilesystem } from '../filesystems/index.ts'
import {
  runRestore,
  type Checkpoint,
  type RestoreOptions,
  type RestoreSample,
} from '../restore/restore-run.ts'
import { formatMilliseconds } from '../units.ts'
import type { Conditions, Subject } from './sampler.ts'

export type MeasuredSample = RestoreSample & Conditions

interface RestoreSubjectOptions extends RestoreOptions {
  /** Whether to drop the filesystem's cache before each sample. */
  readonly cold?: boolean
  readonly progress?: (line: string) => void
  /** Called with the log of CRIU after each sample, if the checkpoint keeps it. */
  readonly onLog?: ((sample: RestoreSample, log: string) => void) | undefined
}

/** A checkpoint as the sampler measures it: one sample is one restore. */
export const restoreSubject = (
  checkpoint: Checkpoint,
  mounted: MountedFilesystem,
  { cold = false, progress = () => {}, onLog, ...options }: RestoreSubjectOptions = {},
): Subject<RestoreSample> => ({
  noun: 'iteration',
  control: { host: checkpoint.host, size: checkpoint.size },
  setUp: async () => {
    if (cold) await whileMounted(mounted, Promise.resolve(mounted.dropCache?.()))
  },
  measure: async () => {
    const { sample, log } = await whileMounted(mounted, runRestore(checkpoint, options))
    if (log !== '') onLog?.(sample, log)
    return sample
  },
  progress: (which, { points }) => {
    const coldStart = durationOf(points, 'cold start') ?? Number.NaN
    progress(`${which}: cold start ${formatMilliseconds(coldStart)} ms`)
  },
})
