import { defineConfig } from 'vitest/config'
import { criu } from './helpers/index.ts'

export default defineConfig({
  plugins: [criu()],
  test: {
    // The examples are projects of their own: helpers/package.test.ts runs them with the package.
    include: ['{helpers,reports}/**/*.test.ts', 'fixtures/!(examples)/**/*.test.ts'],
    // With --typecheck: the public types, as the compiler sees them.
    typecheck: { include: ['helpers/**/*.test-d.ts'] },
    benchmark: { include: ['bench/**/*.bench.ts'] },
    // Two benchmarks at once would measure each other.
    fileParallelism: false,
    pool: 'forks',
  },
})
