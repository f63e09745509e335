import { defineConfig } from 'vitest/config'
import { criu } from './helpers/index.ts'

export default defineConfig({
  plugins: [criu()],
  test: {
    include: ['{helpers,reports,fixtures}/**/*.test.ts'],
    // With --typecheck: the public types, as the compiler sees them.
    typecheck: { include: ['helpers/**/*.test-d.ts'] },
    benchmark: { include: ['bench/**/*.bench.ts'] },
    // Two benchmarks at once would measure each other.
    fileParallelism: false,
    pool: 'forks',
  },
})
