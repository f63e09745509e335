import { CriuBenchError } from '../errors.ts'
import { PACKAGED } from './paths.ts'

/** The oldest Node that vitest runs on, and so this project. */
const OLDEST: readonly [major: number, minor: number] = [22, 12]

export const NODE_FIX = PACKAGED
  ? `install Node ${OLDEST.join('.')} or later`
  : 'use npm or npx, which run the Node among the packages: npm run setup'

/** Whether this project runs on that version of Node: "22.12.0". */
export function isSupportedNode(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

/** Throws CriuBenchError on an older Node, where something would be "not a function" in the middle of a run. */
export function requireNode(version = process.versions.node): void {
  if (isSupportedNode(version)) return
  throw new CriuBenchError({
    failed: 'cannot run on this version of Node',
    found: `Node ${version}, ${process.execPath}`,
    expected: `Node ${OLDEST.join('.')} or later`,
    fix: NODE_FIX,
  })
}
