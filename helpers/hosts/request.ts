import type { Host } from '../host/host.ts'
import type { Neighbour, Network, Shape } from '../network/network.ts'

/** Which two hosts to open. */
export interface HostsRequest {
  /** "namespace", or "ssh://user@host:port". */
  readonly restoreOn: string
  readonly containerName: string
  readonly link?: Shape
  readonly sshConfig?: string | undefined
  /** The network of both hosts. Default: a private one for namespaces, this machine's own for an ssh target. */
  readonly network?: Network | undefined
  /** Programs that a host needs to mount the filesystem. */
  readonly programs: readonly string[]
}

/** Two open hosts, not yet checked. */
export interface HostPair extends AsyncDisposable {
  readonly dumpHost: Neighbour
  readonly restoreHost: Host
  /** Name of the host that restores, for people. */
  readonly name: string
}
