import { programsOf, type Program } from './programs.ts'
import { zdtmFolder } from './source.ts'

/** `npm run zdtm` judges every program; `npm test` a selection. */
export const isLong = process.env['ZDTM'] === 'all'

/** Programs with memory that is private, shared, forked, locked, protected, discarded or sealed; and one of each other kind. */
const SHORT = [
  'cow00',
  'cow01',
  'fd',
  'maps00',
  'maps01',
  'maps02',
  'maps04',
  'maps05',
  'maps06',
  'maps12',
  'mprotect00',
  'mem-touch',
  'memfd00',
  'uffd-events',
  'pthread00',
  'futex',
  'zombie00',
  'pipe00',
  'file_locks00',
  'socket-tcp',
  'seccomp_filter',
  'transition/fork',
]

/** The programs to judge now. */
export const selected = async (): Promise<Program[]> =>
  programsOf(await zdtmFolder(), isLong ? undefined : SHORT)
