import type { CriuBenchError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { Bytes } from '../../units.ts'

/** The access data of a client. */
export interface Access {
  /** The text of its ceph.conf. */
  readonly conf: string
  /** The text of a keyring with the user's key. */
  readonly keyring: string
  /** The user's name without "client.". */
  readonly user: string
  /** Name of the file system; default: the cluster's default file system. */
  readonly filesystem?: string | undefined
}

/** A cluster in use: the run's own test cluster, or the user's. */
export interface Service extends AsyncDisposable {
  readonly access: Access
  /** The folder of the file system that may be used; nothing outside of it is touched. */
  readonly path: string
  /** Describes the cluster, for people and for the fingerprint. */
  readonly description: string
  /** Whether the cluster outlives the run: then nothing may be left on it. */
  readonly outlives: boolean
  /** The host of its servers, if this run has started them. */
  readonly servers?: Host
  /** Why the cluster cannot be used any more; undefined while it can. */
  readonly lost: CriuBenchError | undefined
  /** Marks the cluster as lost; only where nobody else depends on it. */
  giveUp?(reason: CriuBenchError): void
  /** Calls back once when the cluster is lost, because clients would wait forever. Returns what cancels that. */
  onLoss(callback: () => void): () => void
  /** Reserves room before anything is written. Returns what releases it. Throws CriuBenchError when there is not enough. */
  reserve(room: Bytes): () => void
}
