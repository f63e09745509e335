import { describeBytes } from '../format.ts'
import { optionText, ownOptions } from '../options.ts'
import type { Results } from '../results.ts'
import { nameOf } from '../rows.ts'
import { html, type Markup } from './markup.ts'

type Entry = readonly [string, string]

/** The machine, filesystems and options of the run. */
export function machineSection(results: Results): Markup {
  const { fingerprint, noise, options, suites, createdAt } = results
  const machine = Object.entries(fingerprint).map(([name, value]): Entry => [
    name,
    name === 'memory' ? describeBytes(Number(value)) : String(value),
  ])
  const images = [...new Set(suites.map(({ baseImage }) => baseImage))].join('; ')
  const mounts = [...new Map(suites.map(({ filesystem, mounted }) => [filesystem, mounted]))]
  return html`<section id="machine">
    <h2>The machine</h2>
    <div class="columns">
      <div>
        <h3>Fingerprint</h3>
        ${list([...machine, ['base image', images], ['measured', createdAt]])}
      </div>
      <div>
        <h3>Filesystems</h3>
        ${list(mounts)}
        <h3>${results.projects ? 'Options that all projects share' : 'Options of all suites'}</h3>
        ${optionsList(options)}
        ${ownOptions(results).map(
          ({ name, options: own }) =>
            html`<h3>Options of the project ${name}</h3>
              ${suitesOf(results, name)} ${optionsList(own)}`,
        )}
      </div>
      <div>${noiseOf(noise)}</div>
    </div>
  </section>`
}

/** Whose options these are: the suites of a project. */
const suitesOf = ({ suites }: Results, project: string): Markup =>
  html`<p>
    Of the suites
    ${suites
      .filter((suite) => (suite.project ?? '') === project)
      .map(nameOf)
      .join(', ')}.
  </p>`

function noiseOf(noise: Results['noise']): Markup {
  const title = html`<h3>Noise before the run</h3>`
  if (!noise)
    return html`${title}
      <p>Not measured.</p>`
  const found: Entry[] = [
    ['load', noise.load.toFixed(2)],
    ['governor', noise.governor ?? 'unknown'],
    ['swap in use', describeBytes(noise.swapUsed)],
    ['steal', `${noise.steal.toFixed(1)} %`],
    ['virtualisation', noise.virtualisation],
  ]
  const advice = noise.advice.map((sentence) => html`<li>${sentence}</li>`)
  return html`${title}${list(found)}${
    advice.length === 0
      ? undefined
      : html`<ul class="advice">
          ${advice}
        </ul>`
  }`
}

const list = (entries: readonly Entry[]): Markup =>
  html`<dl>
    ${entries.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value || '–'}</dd>
        </div>`,
    )}
  </dl>`

const optionsList = (options: Results['options']): Markup =>
  list(Object.entries(options).map(([name, value]) => [name, optionText(name, value)]))
