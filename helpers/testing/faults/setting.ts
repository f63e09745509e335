/** How a run with a fault starts: like a user's, except for these. */
export interface Setting {
  readonly environment?: Readonly<Record<string, string>>
  /** Command line in front of vitest's. */
  readonly wrapper?: readonly string[]
  /** The source of the only suite of a project of its own. Default: bench/restore.bench.ts. */
  readonly suite?: string
}
