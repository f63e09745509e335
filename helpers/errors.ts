/** What a failure tells its reader: what was attempted and on what, what was there, what was needed, what to do. */
export interface FailureFacts {
  /** What failed, and on what, as a clause: "cannot mount tmpfs on /srv/base". */
  readonly failed: string
  readonly found: string
  readonly expected: string
  /** The command or change that fixes it. */
  readonly fix: string
  /** First error lines of the log of the program that failed. */
  readonly log?: string | undefined
}

/** The one error class of this project: every message has the same four parts, so that none is ever left out. */
export class CriuBenchError extends Error {
  override readonly name = 'CriuBenchError'
  readonly facts: FailureFacts

  constructor(facts: FailureFacts, options?: ErrorOptions) {
    const log = facts.log ? `\n  log:      ${facts.log.trimEnd().replaceAll('\n', '\n            ')}` : ''
    super(
      `${facts.failed}\n  found:    ${facts.found}\n  expected: ${facts.expected}\n  fix:      ${facts.fix}${log}`,
      options,
    )
    this.facts = facts
  }
}
