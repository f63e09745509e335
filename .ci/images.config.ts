/** `npm run images`: the tests of base images that need container engines, or take minutes. */
import { defineConfig } from 'vitest/config'
import { criu } from '../helpers/index.ts'

export default defineConfig({
  plugins: [criu()],
  test: { root: '.', include: ['helpers/**/*.images.test.ts'], fileParallelism: false, pool: 'forks' },
})
