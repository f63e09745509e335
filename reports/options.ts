import { formatSize } from './format.ts'
import type { Results } from './results.ts'

type Options = Results['options']

/** The value of an option as a text. */
export function optionText(name: string, value: unknown): string {
  if (name === 'sizes' && Array.isArray(value))
    return value.map((size) => formatSize(Number(size))).join(', ')
  if (Array.isArray(value)) return value.join(', ')
  if (typeof value !== 'object' || value === null) return String(value)
  return Object.entries(value)
    .map(([key, each]) => `${key} ${typeof each === 'object' ? JSON.stringify(each) : String(each)}`)
    .join(', ')
}

/** In a run of several projects: the options of each that the others do not share. */
export const ownOptions = ({ projects = [], options }: Results): Array<{ name: string; options: Options }> =>
  projects.map((project) => ({
    name: project.name,
    options: Object.fromEntries(
      Object.entries(project.options).filter(([name]) => !Object.hasOwn(options, name)),
    ),
  }))

/** "project unit: sizes 1MB; iterations 2", a line for each project with options of its own. */
export const projectLines = (results: Results): string[] =>
  ownOptions(results).map(({ name, options }) => {
    const own = Object.entries(options).map(([option, value]) => `${option} ${optionText(option, value)}`)
    return `project ${name}: ${own.length === 0 ? 'the same options as the others' : own.join('; ')}`
  })
