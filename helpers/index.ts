/** The public API: what a project that installs vitest-criu imports. Nothing else is public. */
import './disposal.ts'
export { criu } from './plugin/plugin.ts'
export { defineHandler } from './handlers/handler.ts'
export type { Handler, HandlerDefinition, Site } from './handlers/definition.ts'
export { restoreSuite, type RestoreSuite, type Threshold } from './plugin/restore-suite.ts'
export {
  checkpointOf,
  type CheckpointOptions,
  type DumpedProcess,
  type RestoredRun,
} from './plugin/checkpoint-of.ts'
export { matrix, phasesOf, type Axes, type Cell } from './matrix/matrix.ts'
export { checkpointed } from './plugin/checkpointed.ts'
export { hasTmpfsComparison } from './gate/tmpfs-comparison.ts'
export { hasReference } from './gate/reference.ts'
export { CriuBenchError } from './errors.ts'
export { MB } from './units.ts'
export type { CriuOptions } from './config/options.ts'
// What these add to vitest's own types: the matchers, and `result.criu`.
// oxlint-disable unicorn/require-module-specifiers -- nothing of theirs is public by name
export type {} from './plugin/matchers.ts'
export type {} from './plugin/provider.ts'
