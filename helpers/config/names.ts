/** Names that options and suites accept, as literal types, so that an editor can complete them. */
export type FilesystemName = 'tmpfs' | 'ext4' | 'ceph'
export const STRATEGY_NAMES = ['mapped', 'lazy', 'eager', 'plain'] as const
export type StrategyName = (typeof STRATEGY_NAMES)[number]
/** The handlers that the package ships. */
export const BUILT_IN_HANDLERS = ['python', 'native', 'python-http', 'node-http'] as const
/** One of them, or the name of your own. */
export type HandlerName = (typeof BUILT_IN_HANDLERS)[number] | (string & {})

/**
 * Whether a text can be the name of one cgroup, and so of a container. An empty name or a path would be a foreign cgroup, or
 * all of a hierarchy; "-" in front would be an option.
 */
export const isCgroupName = (name: string): boolean =>
  /^[^-/\0\n][^/\0\n]{0,199}$/.test(name) && name !== '.' && name !== '..'
