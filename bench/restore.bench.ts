/**
 * The reference's table as tests: for each memory size on each filesystem, how long does a dump take, and how long a
 * start from it: a lean container, the restore in it, the execution?
 */
import { restoreSuite } from '../helpers/index.ts'

restoreSuite()
