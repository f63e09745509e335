import type { CriuBenchError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import type { Bytes } from '../../units.ts'

/** What a client needs to reach a cluster, and to mount a folder of it. */
export interface Access {
  /** The text of its ceph.conf. */
  readonly conf: string
  /** The text of a keyring with the user's key. */
  readonly keyring: string
  /** Without "client.". */
  readonly user: string
  /** Name of the file system; the cluster's default when left out. */
  readonly filesystem?: string | undefined
}

/** A cluster that is there to be used: the run's own, or a user's. */
export interface Service extends AsyncDisposable {
  readonly access: Access
  /** The folder of the file system that is used, and nothing outside of it. */
  readonly path: string
  /** Which one, for people and for the fingerprint. */
  readonly description: string
  /** Whether it is there after the run: nothing may be left on it. */
  readonly outlives: boolean
  /** Where its servers run, if this run has started them. */
  readonly servers?: Host
  /** Why it cannot be used any more; undefined while it can. */
  readonly lost: CriuBenchError | undefined
  /** Gives it up for that reason, where nobody else depends on it. */
  giveUp?(reason: CriuBenchError): void
  /** Calls back, once, when it is lost: a client would wait for it for ever. Returns what takes that back. */
  onLoss(callback: () => void): () => void
  /** Sets room aside, before a byte is written; returns what gives it back. Throws CriuBenchError where there is none. */
  reserve(room: Bytes): () => void
}
