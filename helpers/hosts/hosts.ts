import { compareClocks, type ClockComparison } from '../machine/clock.ts'
import type { Host } from '../host/host.ts'
import { openNetwork, type Neighbour, type Network, type Shape } from '../network/network.ts'
import type { HostsRequest, HostPair } from './request.ts'
import { machineOf, type Machine } from '../machine/machine.ts'
import { checkHost } from './check.ts'
import { openMachine } from './ssh.ts'

/** The results' record of one of the two hosts. */
export interface HostRecord extends Pick<Machine, 'kernel' | 'cpu'> {
  /** "namespace 10.42.0.1", "ssh://root@other". */
  readonly name: string
}

/** Which host dumped and which restored, and the difference of their clocks. No figure is computed from it. */
export interface HostsRecord {
  readonly dumped: HostRecord
  readonly restored: HostRecord
  /** The limits of the restoring host's link. */
  readonly link?: Shape
  /** The restoring host's clock compared with the dumping host's. */
  readonly clock: ClockComparison
}

/** A host that dumps and another one that restores; both use the same cluster. */
export interface TwoHosts extends AsyncDisposable {
  readonly dumpHost: Neighbour
  readonly restoreHost: Host
  /** The network by which both reach a shared filesystem's servers. */
  readonly network: Network
  readonly record: HostsRecord
}

type Progress = (line: string) => void

/** Opens both hosts and checks the second one before anything is measured. Undone on failure. Throws CriuBenchError. */
export async function openHosts(request: HostsRequest, progress: Progress): Promise<TwoHosts> {
  await using undo = new AsyncDisposableStack()
  progress(`opening the host that restores: ${request.restoreOn}`)
  const { dumpHost, restoreHost, name } = undo.use(await openHostPair(request))
  await checkHost(name, restoreHost, request.programs)
  const [here, there] = [await machineOf(dumpHost), await machineOf(restoreHost)]
  const record: HostsRecord = {
    dumped: { name: `namespace ${dumpHost.address}`, kernel: here.kernel, cpu: here.cpu },
    restored: { name, kernel: there.kernel, cpu: there.cpu },
    ...(request.link && Object.keys(request.link).length > 0 && { link: request.link }),
    clock: await compareClocks(restoreHost),
  }
  const owned = undo.move()
  const { network } = dumpHost
  return { dumpHost, restoreHost, network, record, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Opens both hosts without a check. Undone on failure. Throws CriuBenchError. */
export const openHostPair = (request: HostsRequest): Promise<HostPair> =>
  request.restoreOn === 'namespace' ? openNamespaces(request) : openMachine(request)

/** Opens two hosts on this machine, each with its own network namespace, address, mounts and processes. */
async function openNamespaces({ containerName, link = {}, ...given }: HostsRequest): Promise<HostPair> {
  await using undo = new AsyncDisposableStack()
  const network = given.network ?? undo.use(await openNetwork(`vitest-criu-network-${process.pid}`))
  const dumpHost = undo.use(await network.open(`${containerName}-dumps`))
  const restoreHost = undo.use(await network.open(containerName))
  if (Object.keys(link).length > 0) await network.shape(restoreHost, link)
  const owned = undo.move()
  const name = `namespace ${restoreHost.address}`
  return { dumpHost, restoreHost, name, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
