/** Names that options and suites accept, as literal types, so that an editor can complete them. */
export type FilesystemName = 'tmpfs' | 'ext4' | 'ceph'
export type StrategyName = 'mapped' | 'lazy' | 'eager' | 'plain'
/** A handler that the package ships, or the name of your own. */
export type HandlerName = 'python' | 'native' | 'python-http' | 'node-http' | (string & {})
