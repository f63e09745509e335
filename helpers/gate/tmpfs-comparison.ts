import { formatMilliseconds, formatSize, type Milliseconds } from '../units.ts'
import type { Subject } from './reference.ts'
import type { Measured } from './verdict.ts'

/** What the reference was taken on, and so what other filesystems are held against where it has no figure. */
export const TMPFS = 'tmpfs'

/** How many times tmpfs's median of the same run another filesystem's may be; a phase that is not named is not gated. */
export type Ratios = Readonly<Record<string, number>>

export interface TmpfsVerdict {
  readonly state: 'pass' | 'miss'
  /** The filesystem that `reference` was measured on. */
  readonly against: string
  readonly reference: Milliseconds
  readonly ratio: number
  readonly tolerance: number
}

const medians = new Map<string, Milliseconds>()

/** The same, but for the filesystem. */
const keyOf = ({ size, strategy, handler }: Subject, phase: string): string =>
  JSON.stringify([size, strategy, handler, phase])

/** Keeps a median of this run for those that are held against it. */
export function remember(measured: Measured): void {
  if (measured.filesystem === TMPFS) medians.set(keyOf(measured, measured.phase), measured.median)
}

/** Whether this run has measured the same on tmpfs. */
export const hasTmpfsComparison = (
  subject: Subject & { readonly cold?: boolean; readonly restoreOn?: string },
): boolean =>
  subject.cold !== true &&
  subject.restoreOn === undefined &&
  subject.filesystem !== TMPFS &&
  medians.has(keyOf(subject, 'cold start'))

/** Undefined for tmpfs itself, where it was not measured, and for a phase without a ratio. */
export function judgeByTmpfs(measured: Measured, ratios: Ratios): TmpfsVerdict | undefined {
  const reference = medians.get(keyOf(measured, measured.phase))
  const tolerance = ratios[measured.phase]
  if (measured.filesystem === TMPFS || reference === undefined || tolerance === undefined) return undefined
  const ratio = measured.median / reference
  return { state: ratio <= tolerance ? 'pass' : 'miss', against: TMPFS, reference, ratio, tolerance }
}

/** One sentence with every figure of a verdict. */
export function explainByTmpfs(measured: Measured, verdict: TmpfsVerdict | undefined): string {
  const { filesystem, size, strategy, phase, median, n } = measured
  const subject = `${filesystem} ${formatSize(size)} ${strategy} > ${phase}: median ${formatMilliseconds(median)} ms (n=${n})`
  if (!verdict) return `${subject}; there is no figure or no ratio of ${TMPFS} for it in this run`
  const { reference, ratio, tolerance, state } = verdict
  const relation = state === 'pass' ? 'within' : 'beyond'
  return `${subject} is ${ratio.toFixed(2)} × the ${formatMilliseconds(reference)} ms on ${TMPFS} in the same run, ${relation} the ratio of ${tolerance} ×`
}
