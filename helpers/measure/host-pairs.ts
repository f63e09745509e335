import type { Settings } from '../config/options.ts'
import type { Host } from '../host/host.ts'
import { openHosts, type HostsRecord } from '../hosts/hosts.ts'
import type { CheckpointOrigin, RestoreHost } from '../matrix/benchmark-case.ts'
import { machineNetwork, type Network } from '../network/network.ts'
import { openSandbox } from '../sandbox/sandbox.ts'

/** The host that dumps and, if it is another one, the host that restores. */
export interface HostPair {
  readonly dumpHost: Host
  readonly restoreHost?: Host
  /** The network that connects both. */
  readonly network?: Network | undefined
  readonly record?: HostsRecord
}

/** Opens hosts once for all cases that share them. Owns the hosts: disposing of this closes them. */
export class HostPairs implements AsyncDisposable {
  readonly #settings: Settings
  readonly #undo = new AsyncDisposableStack()
  readonly #pairs = new Map<RestoreHost | undefined, Promise<HostPair>>()

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** The hosts of a case. Throws CriuBenchError if they cannot be opened. */
  of(origin: CheckpointOrigin, progress: (line: string) => void): Promise<HostPair> {
    const known = this.#pairs.get(origin.restoreOn)
    if (known) return known
    const pair = this.#open(origin, progress)
    this.#pairs.set(origin.restoreOn, pair)
    return pair
  }

  async #open(
    { restoreOn, filesystem }: CheckpointOrigin,
    progress: (line: string) => void,
  ): Promise<HostPair> {
    const settings = this.#settings
    const containerName = containerNameOf(settings)
    if (restoreOn === undefined) return { dumpHost: this.#undo.use(await openSandbox(containerName)) }
    const programs = filesystem.clientPrograms?.(settings) ?? []
    // The user's own cluster is reached over the machine's network, not over a virtual network of this run.
    const network = settings.ceph.conf === undefined ? undefined : machineNetwork('127.0.0.1')
    const { name, link } = restoreOn
    const request = { restoreOn: name, containerName, link, sshConfig: settings.sshConfig, programs, network }
    return this.#undo.use(await openHosts(request, progress))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync()
  }
}

/**
 * The name of a run's containers. It has a part of its own: two runs with the same CONTAINER_NAME, a variable that a shell
 * may have for its own reasons, must not share a cgroup.
 */
export const containerNameOf = ({ containerName = 'vitest-criu' }: Pick<Settings, 'containerName'>): string =>
  `${containerName}-${process.pid}`
