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

/**
 * What failed first, where clean-up after it failed as well: the runtime wraps both in SuppressedErrors, whose message is
 * empty. A CriuBenchError tells the later failures in its log.
 */
export function firstError(thrown: unknown): unknown {
  const later: unknown[] = []
  let first = thrown
  for (; isSuppressedError(first); first = first.suppressed) later.unshift(firstError(first.error))
  if (!(first instanceof CriuBenchError)) return first
  const messages = new Set(later.map(reasonOf).filter((message) => message !== reasonOf(first)))
  if (messages.size === 0) return first
  const after = [...messages].map((message) => `and then: ${message}`)
  const log = [first.facts.log, ...after].filter(Boolean).join('\n')
  return new CriuBenchError({ ...first.facts, log }, { cause: thrown })
}

/** The same promise, which fails with what failed first. */
export const orFirstError = <T>(work: Promise<T>): Promise<T> =>
  work.catch((thrown: unknown) => {
    throw firstError(thrown)
  })

const isSuppressedError = (thrown: unknown): thrown is { error: unknown; suppressed: unknown } =>
  thrown instanceof Error && 'suppressed' in thrown && 'error' in thrown

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
