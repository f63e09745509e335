/** The public API: what a project that installs vitest-criu imports. Nothing else is public. */
export { criu } from './plugin/plugin.ts'
export { checkpointed, matrix, type Pair } from './plugin/suite.ts'
export { hasReference } from './gate/reference.ts'
export { CriuBenchError } from './errors.ts'
export type { CriuOptions } from './config/options.ts'
