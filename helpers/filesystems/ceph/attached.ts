import type { CriuBenchError } from '../../errors.ts'
import type { Access } from './service.ts'

/** A mount by one client. */
export interface Attached {
  /** Unmounts, and waits until the cluster knows. */
  leave(): Promise<void>
  /** Ends the client at once: processes that wait for it get an error. */
  sever(): Promise<void>
  /** Resolves when the client has ended, whether or not it was asked to; never for the kernel's client. */
  readonly ended?: Promise<CriuBenchError>
}

/** What a client mounts, and where. */
export interface ClientMount {
  /** A private folder of the host, with ceph.conf and keyring. */
  readonly folder: string
  /** The folder of the Ceph file system. */
  readonly path: string
  /** The mount point. */
  readonly point: string
}

export const fixOf = ({ user }: Access): string =>
  `give the user the right key, and access to the folder: ceph auth get client.${user}`
