import { CriuBenchError } from '../errors.ts'
import { Options, PREFIX, VARIABLES, type CriuOptions, type Settings } from './options.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The one door for options: what the user wrote in vitest.config.ts, then the environment over it, checked and
 * completed. Throws CriuBenchError that names the option, what it was given and what it takes.
 */
export function resolveSettings(options: CriuOptions, environment: Environment): Settings {
  refuseUnknownVariables(environment)
  const given: Record<string, unknown> = { ...options }
  const origins = new Map<string, string>()
  for (const [name, { option, read }] of Object.entries(VARIABLES)) {
    const text = environment[name]
    if (text === undefined) continue
    given[option] = read(text)
    origins.set(option, `${name}=${text}`)
  }
  const parsed = Options.safeParse(given)
  if (parsed.success) return Object.freeze(parsed.data)
  const [issue] = parsed.error.issues
  const unknown = issue?.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys[0] : undefined
  const option = unknown ?? String(issue?.path[0])
  throw new CriuBenchError({
    failed: `cannot use the option "${option}"`,
    found:
      unknown === undefined
        ? (origins.get(option) ?? `${option}: ${JSON.stringify(given[option])}`)
        : 'no option of that name',
    expected:
      unknown === undefined ? expectation(issue?.message) : `one of ${Object.keys(Options.shape).join(', ')}`,
    mend: `correct ${origins.has(option) ? 'the environment variable' : 'criu({ … }) in vitest.config.ts'}`,
  })
}

/** zod's "Too small: expected number to be >=1" without what the error says in its other parts. */
const expectation = (message = ''): string =>
  message.replace(/^.*?: expected /, '').replace(/, received .*$/, '')

function refuseUnknownVariables(environment: Environment): void {
  const unknown = Object.keys(environment).find(
    (name) => name.startsWith(PREFIX) && !Object.hasOwn(VARIABLES, name),
  )
  if (unknown === undefined) return
  throw new CriuBenchError({
    failed: `cannot use the environment variable ${unknown}`,
    found: 'no variable of that name',
    expected: `one of ${Object.keys(VARIABLES).join(', ')}`,
    mend: `unset ${unknown}`,
  })
}

/** The tolerance that holds: 1 where strict was asked for. */
export const toleranceOf = (settings: Settings): number => (settings.strict ? 1 : settings.tolerance)
