/** The parts of an error message. Each is a whole phrase. */
export interface FailureFacts {
  /** What failed, and on what: "cannot mount tmpfs on /srv/base". */
  readonly failed: string
  readonly found: string
  readonly expected: string
  /** An instruction: the command or the change that fixes the problem. */
  readonly fix: string
  /** The first error lines from the log of the program that failed. */
  readonly log?: string | undefined
}

/** The message of whatever was thrown. */
export const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** The only error class of this project. Its constructor requires all four parts, so no message lacks one. */
export class CriuBenchError extends Error {
  override readonly name = 'CriuBenchError'
  declare readonly facts: FailureFacts

  constructor(facts: FailureFacts, options?: ErrorOptions) {
    const log = facts.log ? `\n  log:      ${facts.log.trimEnd().replaceAll('\n', '\n            ')}` : ''
    super(
      `${facts.failed}\n  found:    ${facts.found}\n  expected: ${facts.expected}\n  fix:      ${facts.fix}${log}`,
      options,
    )
    // Not enumerable, because whoever prints an error with its properties would print the message twice.
    Object.defineProperty(this, 'facts', { value: facts })
  }
}
