import { PACKAGED } from '../../installation/paths.ts'
import { missingPrograms } from '../../programs/installed.ts'
import type { Missing } from '../filesystem.ts'

/** Programs of a test cluster, and the Debian packages that have them. */
const PACKAGES: Readonly<Record<string, string>> = {
  'ceph-mon': 'ceph-mon',
  monmaptool: 'ceph-base',
  'ceph-mgr': 'ceph-mgr',
  'ceph-osd': 'ceph-osd',
  'ceph-mds': 'ceph-mds',
  'ceph-fuse': 'ceph-fuse',
  ceph: 'ceph-common',
}

/** The Ceph programs that this machine lacks; `programs` defaults to those of a test cluster. */
export function missingPackages(programs: readonly string[] = Object.keys(PACKAGES)): Missing | undefined {
  const missing = missingPrograms(programs)
  if (missing.length === 0) return undefined
  return {
    found: `no ${missing.join(', ')}`,
    fix: `${PACKAGED ? '' : 'npm run setup -- ceph, or '}apt-get install ${[...new Set(missing.map((program) => PACKAGES[program] ?? program))].join(' ')}`,
  }
}
