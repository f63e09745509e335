/** What can be hit at a moment, besides `main` (vitest), its worker, the supervisor and all of them as a group. */
export type Target = 'main' | 'worker' | 'supervisor' | 'launcher' | 'criu' | 'handler' | 'group'

/** The targets that live from the first suite to the end of the run. */
const LASTING = ['main', 'worker', 'supervisor', 'group'] as const satisfies readonly Target[]

/** A moment of a run. */
export interface Moment {
  readonly name: string
  /** The last progress line before it. */
  readonly line: RegExp
  /** What can be hit. */
  readonly targets: readonly Target[]
  /** The process that runs then, and is waited for. */
  readonly during?: Target | undefined
  /** Variables that make it last long enough. */
  readonly environment?: Readonly<Record<string, string>>
}

const LAST = 5

/** How many dumps and samples a run takes: one for a moment to be told by, some for it to come, one to spare. */
export const ITERATIONS = String(LAST)

/** In the order in which a run comes to them. */
export const MOMENTS: readonly Moment[] = [
  { name: 'mount', line: /▸ .* mounting \w+$/, targets: LASTING },
  { name: 'rootfs', line: /exporting the base image/, during: 'launcher', targets: [...LASTING, 'launcher'] },
  { name: 'handler starts', line: /starting the \w+ handler/, targets: LASTING },
  { name: 'dump', line: /dump 1\//, during: 'criu', targets: [...LASTING, 'criu', 'handler'] },
  { name: 'copy', line: /copying images/, targets: LASTING },
  { name: 'restore', line: /iteration 1\//, during: 'criu', targets: [...LASTING, 'launcher', 'criu'] },
  {
    name: 'execution',
    line: /iteration 1\//,
    during: 'handler',
    targets: [...LASTING, 'launcher', 'handler'],
    environment: { VITEST_CRIU_INJECTED_DELAY: 'handler=700' },
  },
  { name: 'clean-up', line: new RegExp(`iteration ${LAST}/`), targets: LASTING },
]
