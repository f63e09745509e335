/**
 * Compares `mapped` and `eager` on CephFS with a warm and with a cold client cache. The cold case is the first start on
 * a machine: is it faster to read memory on demand than to read all of it first?
 */
import { restoreSuite } from '../helpers/index.ts'

restoreSuite({
  filesystems: ['ceph'],
  sizes: ['64MB', '256MB'],
  strategies: ['mapped', 'eager'],
  cold: true,
  thresholds: { 'cold start': { times: 1, of: 'eager' } },
})
