import { FAULTS, momentsOf } from './faults.ts'
import type { Moment } from './moments.ts'
import type { Cell } from './cell.ts'

/** `npm run faults` runs every cell; `npm test` runs the short form. */
export const isLong = process.env['FAULTS'] === 'all'

/** What ends a whole run. On other filesystems than tmpfs only these, and a full disk, differ. */
const ENDS = [
  'INT of group',
  'KILL of group',
  'KILL of supervisor',
  'KILL of supervisor and group, then clean',
]
const MAIN_MOMENTS = new Set(['mount', 'dump', 'copy', 'restore', 'clean-up'])

const isLongOn: Readonly<Record<string, (cell: Cell) => boolean>> = {
  tmpfs: () => true,
  ext4: ({ fault, moment }) => [...ENDS, 'ENOSPC on the rootfs'].includes(fault.name) && isMain(moment),
  ceph: ({ fault, moment }) => ENDS.includes(fault.name) && isMain(moment),
}

const isMain = (moment: Moment | undefined): boolean => MAIN_MOMENTS.has(moment?.name ?? '')

/** The moments of the short form, by fault. */
const SHORT: Readonly<Record<string, readonly string[]>> = {
  'INT of group': ['mount', 'handler starts', 'copy'],
  'KILL of group': ['rootfs', 'dump', 'restore', 'clean-up'],
  'KILL of criu': ['dump'],
  'KILL of worker': ['restore'],
  'KILL of launcher': ['execution'],
  'STOP+CONT of group': ['execution'],
  'KILL of supervisor and group, then clean': ['restore'],
  'KILL of supervisor and group, then another run': ['copy'],
  'ENOSPC on the rootfs': ['dump'],
  'a throw in afterAll': ['whole run'],
}

const cellsOn = (filesystem: string): Cell[] =>
  FAULTS.flatMap((fault) => momentsOf(fault).map((moment) => ({ fault, moment, filesystem })))

/** The cells to run now. */
export const cellsOf = (): Cell[] =>
  isLong
    ? Object.entries(isLongOn).flatMap(([filesystem, isIn]) => cellsOn(filesystem).filter(isIn))
    : cellsOn('tmpfs').filter(
        ({ fault, moment }) => SHORT[fault.name]?.includes(moment?.name ?? 'whole run') ?? false,
      )
