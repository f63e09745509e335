/** The public API: what a project that installs vitest-criu imports. Nothing else is public. */
import './disposal.ts'
export { criu } from './plugin/plugin.ts'
export { matrix, phasesOf, type Axes, type Cell } from './plugin/matrix.ts'
export { checkpointed } from './plugin/suite.ts'
export { hasPeer } from './gate/peer.ts'
export { hasReference } from './gate/reference.ts'
export { CriuBenchError } from './errors.ts'
export { MB } from './units.ts'
export type { CriuOptions } from './config/options.ts'
// What these add to vitest's own types: the matchers, and `result.criu`.
// oxlint-disable unicorn/require-module-specifiers -- nothing of theirs is public by name
export type {} from './plugin/matcher.ts'
export type {} from './plugin/provider.ts'
