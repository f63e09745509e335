import { defineConfig } from 'vitest/config'
import { criu } from './helpers/index.ts'

export default defineConfig({
  plugins: [criu()],
  test: {
    include: ['{helpers,reports,fixtures}/**/*.test.ts'],
    benchmark: { include: ['bench/**/*.bench.ts'] },
    // Two benchmarks at once would measure each other.
    fileParallelism: false,
    pool: 'forks',
  },
})
