/** The public API: everything that a project can import from vitest-criu. */
import './disposal.ts'
export { criu } from './plugin/plugin.ts'
export type { CriuOptions } from './config/options.ts'
export type { FilesystemName, HandlerName, StrategyName } from './config/names.ts'
export type { PhaseName } from '../reports/timeline.ts'
export { defineHandler } from './handlers/handler.ts'
export type { Handler, HandlerDefinition, Site } from './handlers/definition.ts'
export { restoreSuite, matrixOf as matrix, type RestoreSuiteOptions } from './plugin/restore-suite.ts'
export type { Threshold } from './gate/thresholds.ts'
export {
  checkpointOf,
  type CheckpointOptions,
  type DumpedProcess,
  type RestoredRun,
} from './plugin/checkpoint-of.ts'
export { checkpointed } from './plugin/checkpointed.ts'
export type { SuiteRun } from './plugin/suite-run.ts'
export type { BenchmarkCase, CaseGroup } from './matrix/benchmark-case.ts'
export type { CaseMatrix } from './matrix/case-matrix.ts'
export { phasesOf } from './matrix/phases.ts'
export { CriuBenchError } from './errors.ts'
export { MB } from './units.ts'
// These modules extend vitest's own types with the matchers and `result.criu`.
// oxlint-disable unicorn/require-module-specifiers -- none of their exports is public
export type {} from './plugin/matchers.ts'
export type {} from './plugin/provider.ts'
