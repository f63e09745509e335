import type { z } from 'zod'
import { CriuBenchError } from '../errors.ts'
import { EFFORT, GATE_EFFORT, Options, type CriuOptions, type Settings } from './options.ts'
import { PREFIX, VARIABLES } from './variables.ts'

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The only entry for options. Merges the options of vitest.config.ts with the environment, which wins, checks them and
 * adds defaults. Throws CriuBenchError that names the option, its value and what it accepts.
 */
export function resolveSettings(options: CriuOptions, environment: Environment): Settings {
  refuseUnknownVariables(environment)
  const given: Record<string, unknown> = { ...options }
  const origins = new Map<string, string>()
  for (const [name, { option, part, read }] of Object.entries(VARIABLES)) {
    const text = environment[name]
    if (text === undefined || (text === '' && !name.startsWith(PREFIX))) continue
    given[option] = part === undefined ? read(text) : { ...partsOf(given[option]), [part]: read(text) }
    origins.set(part === undefined ? option : `${option}.${part}`, `${name}=${text}`)
  }
  const parsed = Options.safeParse(given)
  if (parsed.success) return Object.freeze(completed(parsed.data))
  const [issue] = parsed.error.issues
  throw issue?.code === 'unrecognized_keys' && issue.path.length === 0
    ? unknownOption(issue.keys[0])
    : wrongValue(issue?.path ?? [], issue?.message, given, origins)
}

const partsOf = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {})

const unknownOption = (name = ''): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot use the option "${name}"`,
    found: 'an unknown option',
    expected: `one of ${Object.keys(Options.shape).join(', ')}`,
    fix: CORRECT,
  })

function wrongValue(
  [option = '', part]: readonly PropertyKey[],
  message: string | undefined,
  given: Readonly<Record<string, unknown>>,
  origins: ReadonlyMap<string, string>,
): CriuBenchError {
  const value = given[String(option)]
  const parts = typeof value === 'object' && !Array.isArray(value) && part !== undefined
  const name = parts ? `${String(option)}.${String(part)}` : String(option)
  const origin = origins.get(name) ?? origins.get(String(option))
  return new CriuBenchError({
    failed: `cannot use the option "${name}"`,
    found: origin ?? `${String(option)}: ${JSON.stringify(value)}`,
    expected: expectation(message),
    fix: origin === undefined ? CORRECT : 'correct the environment variable',
  })
}

const CORRECT = 'correct criu({ … }) in vitest.config.ts'

/** Runs with a baseline need more samples. An explicit number of samples sets the default time to 0. */
function completed(options: z.output<typeof Options>): Settings {
  const isGate = options.baseline !== undefined || options.save !== undefined
  const effort = isGate ? GATE_EFFORT : EFFORT
  const {
    iterations = effort.iterations,
    time = options.iterations === undefined ? effort.time : 0,
    setUps = effort.setUps,
  } = options
  return { ...options, iterations, time, setUps }
}

/** How an error calls the types that zod names. */
const TYPES = new Map([
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['string', 'a text'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'an object'],
])

/**
 * The expectation in a message of zod, as a phrase: "a number that is >=1" for "Too small: expected number to be >=1".
 */
const expectation = (message = ''): string =>
  message
    .replace(/^.*?: expected /, '')
    .replace(/, received .*$/, '')
    .replace(/^(\w+)(?=$| to )/, (type) => TYPES.get(type) ?? type)
    .replace(/ to be /, ' that is ')
    .replace(/ to have /, ' that has ')

function refuseUnknownVariables(environment: Environment): void {
  const unknown = Object.keys(environment).find(
    (name) => name.startsWith(PREFIX) && !Object.hasOwn(VARIABLES, name),
  )
  if (unknown === undefined) return
  throw new CriuBenchError({
    failed: `cannot use the environment variable ${unknown}`,
    found: 'an unknown variable',
    expected: `one of ${Object.keys(VARIABLES).join(', ')}`,
    fix: `unset ${unknown}`,
  })
}

/** The tolerance in effect: 1 for a strict run. */
export const toleranceOf = (settings: Settings): number => (settings.strict ? 1 : settings.tolerance)
