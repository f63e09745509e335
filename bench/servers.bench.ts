/**
 * Compares a start from a checkpoint with a start from scratch, up to the first response of a server. All strategies
 * restore the same dump and are measured in turn.
 */
import { restoreSuite } from '../helpers/index.ts'

for (const handler of ['python-http', 'node-http']) {
  restoreSuite({
    handler,
    filesystems: ['tmpfs'],
    strategies: ['plain', 'eager', 'lazy', 'mapped'],
    // A checkpoint must be at least as fast as a start from scratch.
    thresholds: { 'cold start': { times: 1, of: 'plain' } },
  })
}
