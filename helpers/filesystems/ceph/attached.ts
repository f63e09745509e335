import type { Access } from './service.ts'

/** One mount of one client. */
export interface Attached {
  /** Unmounts, and waits until the cluster knows. */
  leave(): Promise<void>
  sever(): Promise<void>
}

/** Where a client mounts what. */
export interface ClientMount {
  /** A private folder of its host with ceph.conf and keyring. */
  readonly folder: string
  /** The folder of the Ceph file system. */
  readonly path: string
  /** The mount point. */
  readonly point: string
}

export const fixOf = ({ user }: Access): string =>
  `the key must be of that user, who must be allowed to use that folder: ceph auth get client.${user}`
