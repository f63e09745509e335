/**
 * Servers, up to their first response: what does a start from a checkpoint cost, and what the plain start of the same
 * server in the same container? Every strategy restores the same dump, in the same rounds.
 */
import { restoreSuite } from '../helpers/index.ts'

for (const handler of ['python-http', 'node-http']) {
  restoreSuite({
    handler,
    filesystems: ['tmpfs'],
    strategies: ['plain', 'eager', 'lazy', 'mapped'],
    // A checkpoint that is no faster than a start from scratch is not worth its images.
    thresholds: { 'cold start': { times: 1, of: 'plain' } },
  })
}
