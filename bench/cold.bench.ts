/**
 * The first start on a machine that has never had the checkpoint: `mapped` against `eager` on CephFS, once with its
 * files in the client's cache, once without. Where the whole of memory is read at once, does a start on demand pay?
 */
import { restoreSuite } from '../helpers/index.ts'

restoreSuite({
  filesystems: ['ceph'],
  sizes: ['64MB', '256MB'],
  strategies: ['mapped', 'eager'],
  cold: true,
  thresholds: { 'cold start': { times: 1, of: 'eager' } },
})
