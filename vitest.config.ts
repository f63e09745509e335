import { defineConfig } from 'vitest/config'
import { criu } from './helpers/index.ts'

export default defineConfig({
  plugins: [criu()],
  test: {
    // The examples are separate projects. helpers/package.test.ts runs them with the built package.
    include: ['{helpers,reports}/**/*.test.ts', 'fixtures/!(examples)/**/*.test.ts'],
    // Tests of the public types, run with --typecheck.
    typecheck: { include: ['helpers/**/*.test-d.ts'] },
    benchmark: { include: ['bench/**/*.bench.ts'] },
    // Concurrent benchmarks would disturb each other.
    fileParallelism: false,
    pool: 'forks',
  },
})
