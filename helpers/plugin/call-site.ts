import type { CaseGroup } from '../matrix/benchmark-case.ts'

/** Where the user's file declares a group: the frames of its stack. */
const callSites = new WeakMap<CaseGroup, string>()

export function rememberCallSite(groups: readonly CaseGroup[]): void {
  const [, ...frames] = (new Error('call site').stack ?? '').split('\n')
  for (const group of groups) callSites.set(group, frames.join('\n'))
}

/**
 * Adds the place where the user's file declares `group` to an error. All other frames are of this package, which lies in
 * node_modules: vitest hides those, and GitHub's annotations need a place.
 */
export async function atCallSite<T>(group: CaseGroup, action: () => Promise<T>): Promise<T> {
  try {
    return await action()
  } catch (error) {
    const frames = callSites.get(group)
    if (error instanceof Error && frames !== undefined && error.stack?.includes(frames) === false)
      error.stack += `\n${frames}`
    throw error
  }
}
