import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Reporter, TestProject, Vitest } from 'vitest/node'
import type { FilesystemName } from '../config/names.ts'
import type { CriuOptions, Settings } from '../config/options.ts'
import { resolveSettings } from '../config/settings.ts'
import { CriuBenchError, reasonOf } from '../errors.ts'
import { filesystem, filesystemNames, missingFilesystems } from '../filesystems/index.ts'
import { baselinePath, readBaseline } from '../gate/baseline-file.ts'
import { checkMachine } from '../gate/baseline-machine.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { makeFolder } from '../host/folders.ts'
import { localHost } from '../host/host.ts'
import { whyUnusable } from '../host/root.ts'
import { fingerprint } from '../machine/fingerprint.ts'
import { availableMemory } from '../machine/memory.ts'
import { strategyNamed } from '../strategies/index.ts'
import { matchTitles, originalSource, selectInWatchMode } from './pattern.ts'
import type { Unusable } from './plugin.ts'
import { projectName } from './ended-suites.ts'
import { CriuReporter, type Member } from './reporter.ts'
import { skipReasons } from './selection.ts'

/** The value of the option `filesystems` for every filesystem that works on this machine. */
const ALL = 'all'

/** Configures a project of benchmarks. Throws CriuBenchError for invalid options and environment variables. */
export async function configureBenchmarks(
  options: CriuOptions,
  vitest: Vitest,
  project: TestProject,
): Promise<void> {
  const settings = settingsFrom(options)
  const unusable = whyUnusable()
  const output = resolve(vitest.config.root, settings.output)
  if (unusable === undefined) await checkFolder(output)
  project.provide('criuOutput', unusable === undefined ? output : null)
  project.provide('criuUnusable', unusable ? { reason: unusable.message, asked: askedBy(vitest) } : null)
  project.provide('criuProvider', project.config.benchmark.provider ?? null)
  project.config.benchmark.provider = siblingModule('./provider')
  project.config.setupFiles.push(siblingModule('./setup'))
  const pattern = vitest.getGlobalTestNamePattern()
  const requested = [...settings.filesystems, ...filesystemsIn(pattern)]
  const filesystems = new Set(requested.includes(ALL) ? filesystemNames : requested)
  const effective = { ...settings, filesystems: [...filesystems] }
  project.provide('criu', effective)
  project.provide('criuMissing', unusable === undefined ? missingFilesystems(requested, settings) : {})
  project.provide('criuMemory', unusable === undefined ? await availableMemory() : Number.MAX_SAFE_INTEGER)
  const baseline = unusable === undefined ? await baselineFor(effective, vitest.config.root) : undefined
  project.provide('criuBaseline', baseline ?? null)
  const logSkipped: Reporter = {
    onTestRunEnd: (modules) => skipReasons(modules).forEach((line) => vitest.logger.log(line)),
  }
  const name = projectName(project)
  project.provide('criuProject', name)
  if (unusable) vitest.config.reporters.push(logSkipped)
  else
    reportTogether(
      vitest,
      { project, name, position: vitest.projects.indexOf(project), settings: effective },
      baseline,
    )
  // Not setGlobalTestNamePattern(), because after this hook vitest reads the pattern from its configuration again. In a
  // run that has unit tests as well, the pattern selects them, too, and stays as it is.
  if (pattern && vitest.projects.every(({ config }) => config.benchmark.enabled))
    vitest.config.testNamePattern = matchTitles(pattern)
  selectInWatchMode(vitest)
}

/** Projects with the same output folder share a table, and a set of files. */
function reportTogether(vitest: Vitest, member: Member, baseline: string | undefined): void {
  const { reporters } = vitest.config
  const same = reporters.filter(isCriuReporter).find((reporter) => reporter.isOf(member))
  if (same) same.add(member)
  else reporters.push(new CriuReporter(member, baseline))
}

/** Not instanceof: a configuration that several projects extend may be loaded several times, with this module. */
const isCriuReporter = (reporter: unknown): reporter is CriuReporter =>
  typeof reporter === 'object' && reporter !== null && 'isOf' in reporter && 'add' in reporter

function settingsFrom(options: CriuOptions): Settings {
  const settings = resolveSettings(options, process.env)
  settings.filesystems.filter((name) => name !== ALL).forEach(filesystem)
  settings.strategies.forEach(strategyNamed)
  handlerNamed(settings.handler)
  return settings
}

/** Throws CriuBenchError, before a measurement, if the results could not be written. */
async function checkFolder(output: string): Promise<void> {
  try {
    await makeFolder(localHost, output)
    await access(output, constants.W_OK)
  } catch (cause) {
    const facts = {
      failed: `cannot write results to ${output}`,
      found: reasonOf(cause),
      expected: 'a folder that can be written to',
      fix: 'choose another folder by the option output, or VITEST_CRIU_OUTPUT',
    }
    throw new CriuBenchError(facts, { cause })
  }
}

/** What the command line names: `-t` names every suite that it selects, and other words name files. */
const askedBy = (vitest: Vitest): Unusable['asked'] =>
  vitest.getGlobalTestNamePattern()
    ? 'by title'
    : process.argv.slice(3).filter((word) => !word.startsWith('-'))

/** The filesystems that a pattern names: `-t 'ceph 64MB'` selects ceph without an option. */
const filesystemsIn = (pattern: RegExp | undefined): FilesystemName[] =>
  filesystemNames.filter((name) => new RegExp(`\\b${name}\\b`).test(pattern ? originalSource(pattern) : ''))

const siblingModule = (module: string): string =>
  fileURLToPath(new URL(`${module}${extname(import.meta.url)}`, import.meta.url))

/** Path of the baseline. Throws CriuBenchError, before a measurement, if it is missing or from another machine. */
async function baselineFor(settings: Settings, root: string): Promise<string | undefined> {
  const { baseline, baselines, baselineMatch } = settings
  if (baseline === undefined) return undefined
  const path = baselinePath(resolve(root, baselines), baseline)
  checkMachine(await readBaseline(path), await fingerprint(), baselineMatch)
  return path
}
