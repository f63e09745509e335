/** Names that options and suites take. They are literal types, so that an editor completes them. */
export type FilesystemName = 'tmpfs' | 'ext4' | 'ceph'
export type StrategyName = 'mapped' | 'lazy' | 'eager' | 'plain'
/** One of the handlers that the package brings, or the name of your own. */
export type HandlerName = 'python' | 'native' | 'python-http' | 'node-http' | (string & {})
