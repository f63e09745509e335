/**
 * The table of the reference as tests: dump, lean container, restore, execution and cold start for each memory size on
 * each filesystem.
 */
import { restoreSuite } from '../helpers/index.ts'

restoreSuite()
