import { defineConfig } from 'vitest/config'
import { criu } from './helpers/index.ts'

export default defineConfig({
  plugins: [criu()],
  test: {
    // The examples are separate projects. helpers/package.test.ts runs them with the built package.
    include: ['{helpers,reports}/**/*.test.ts', 'fixtures/!(examples)/**/*.test.ts'],
    // These need container engines, and minutes: `npm run images`.
    exclude: ['**/node_modules/**', '**/*.images.test.ts'],
    // Tests of the public types, run with --typecheck.
    typecheck: { include: ['helpers/**/*.test-d.ts'] },
    benchmark: { include: ['bench/**/*.bench.ts'] },
    // Two files at a time: tests wait for programs as often as they use the processor, and more would disturb each other.
    maxWorkers: 2,
    // Every external call has its own time limit; these are for their sum.
    testTimeout: 30 * 60_000,
    hookTimeout: 30 * 60_000,
    pool: 'forks',
  },
})
