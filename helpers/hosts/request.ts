import type { Host } from '../host/host.ts'
import type { Neighbour, Network, Shape } from '../network/network.ts'

/** Which two hosts to open. */
export interface HostsRequest {
  /** "namespace", or "ssh://user@host:port". */
  readonly restoreOn: string
  readonly containerName: string
  readonly link?: Shape
  readonly sshConfig?: string | undefined
  /** What the two are opened in; for namespaces one of their own when left out, for an ssh target this machine's. */
  readonly network?: Network | undefined
  /** What a host needs to mount the filesystem. */
  readonly programs: readonly string[]
}

/** Two hosts before they are looked at. */
export interface HostPair extends AsyncDisposable {
  readonly dumps: Neighbour
  readonly restores: Host
  /** Of the one that restores. */
  readonly name: string
}
