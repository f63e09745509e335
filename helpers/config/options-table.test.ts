import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PROJECT } from '../testing/commands.ts'
import { formatSize } from '../units.ts'
import { EFFORT, GATE_EFFORT, Options } from './options.ts'
import { VARIABLES } from './variables.ts'

const section = readFileSync(join(PROJECT, 'helpers/README.md'), 'utf8').split(/^## /m).find((text) => text.startsWith('Options\n')) ?? '' // prettier-ignore
const codes = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)

/** The rows of the table of options: option, variables, default, meaning. */
const rows = section
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, option, variables, fallback = '']) => ({
    option: codes(option)[0] ?? '',
    variables: codes(variables),
    fallback,
  }))

/** Each option as the table names it. The parts of `ceph` have separate rows. */
const options = Object.keys(Options.shape).flatMap((option) =>
  option === 'ceph' ? Object.keys(Options.shape.ceph.unwrap().shape).map((part) => `ceph.${part}`) : [option],
)

const defaults = Options.parse({})
const valueOf = (option: string): unknown => {
  const [name = '', part] = option.split('.')
  const value: unknown = Object.entries(defaults).find(([key]) => key === name)?.[1]
  if (part === undefined) return value
  return Object.entries(defaults.ceph).find(([key]) => key === part)?.[1]
}

/** The default ratios, as an environment variable would set them. */
const ratios = Object.entries(defaults.ratios)
  .map(([phase, factor]) => `${phase}=${factor}`)
  .join(',')

/** Cells of defaults that are not a single value. */
const SPECIAL: Readonly<Record<string, string>> = {
  sizes: `\`${defaults.sizes.map(formatSize).join(',')}\``,
  iterations: `\`${EFFORT.iterations}\`; with a baseline \`${GATE_EFFORT.iterations}\``,
  time: `\`${EFFORT.time}\`; with a baseline \`${GATE_EFFORT.time}\``,
  setUps: `\`${EFFORT.setUps}\`; with a baseline \`${GATE_EFFORT.setUps}\``,
  ratios: '[see below](#ratios)',
  link: 'unlimited',
}

/**
 * The expected cell of an option's default: its value in backticks. An option without a default is described in words,
 * which no test can check.
 */
function expected(option: string, written: string): string {
  const value = valueOf(option)
  if (SPECIAL[option] !== undefined) return SPECIAL[option]
  if (value === undefined) return written.replaceAll('`', '') || 'words'
  return `\`${JSON.stringify(value).replaceAll(/[[\]"]/g, '')}\``
}

describe('the table of options in helpers/README.md', () => {
  test('has exactly one row for each option', () => {
    expect(rows.map(({ option }) => option).toSorted()).toEqual(options.toSorted())
  })

  test('lists every environment variable in the row of its option', () => {
    const listed = rows.flatMap(({ option, variables }) => variables.map((name) => `${name} ${option}`))
    const known = Object.entries(VARIABLES).map(([name, { option, part }]) =>
      part === undefined ? `${name} ${option}` : `${name} ${option}.${part}`,
    )
    expect(listed.toSorted()).toEqual(known.toSorted())
  })

  test.each(options)('shows the default of %s', (option) => {
    const { fallback } = rows.find((row) => row.option === option) ?? { fallback: 'no row' }
    expect(fallback).toBe(expected(option, fallback))
  })

  test('is followed by the default ratios', () => {
    expect(section).toContain(`\`${ratios}\``)
  })
})
