import { programsOf, type Program } from './programs.ts'
import { zdtmFolder } from './source.ts'

/** `npm run zdtm` judges every program; `npm test` a selection. */
export const isLong = process.env['ZDTM'] === 'all'

/** Programs with memory that is private, shared, forked, protected, discarded or sealed; and one of each other kind. */
const SHORT = [
  'cow00',
  'cow01',
  'fd',
  'maps00',
  'maps01',
  'maps02',
  'maps12',
  'mprotect00',
  'mem-touch',
  'grow_map02',
  'memfd00',
  'uffd-events',
  'pthread00',
  'zombie00',
  'pipe00',
  'file_locks00',
  'pidfd_kill',
  'socket-tcp-local',
  'seccomp_strict',
  'seccomp_filter_threads',
  'seccomp_filter_tsync',
  'transition/fork',
]

/** The programs to judge now. */
export const selected = async (): Promise<Program[]> =>
  programsOf(await zdtmFolder(), isLong ? undefined : SHORT)
