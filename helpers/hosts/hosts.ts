import { compareClocks, type ClockComparison } from '../machine/clock.ts'
import type { Host } from '../host/host.ts'
import { openNetwork, type Neighbour, type Network, type Shape } from '../network/network.ts'
import type { HostsRequest, HostPair } from './request.ts'
import { machineOf, type Machine } from '../machine/machine.ts'
import { checkHost } from './check.ts'
import { openMachine } from './ssh.ts'

/** What a result tells of one of the two hosts. */
export interface HostRecord extends Pick<Machine, 'kernel' | 'cpu'> {
  /** "namespace 10.42.0.1", "ssh://root@other". */
  readonly name: string
}

/** Which host did what, and how far their clocks are apart: for the results alone, no figure is made of it. */
export interface HostsRecord {
  readonly dumped: HostRecord
  readonly restored: HostRecord
  /** What the link of the restoring host was held down to. */
  readonly link?: Shape
  /** The restoring host's less the dumping one's. */
  readonly clock: ClockComparison
}

/** One host that dumps and another that restores, which see the same cluster. */
export interface TwoHosts extends AsyncDisposable {
  readonly dumps: Neighbour
  readonly restores: Host
  /** The network by which both reach a shared filesystem's servers. */
  readonly network: Network
  readonly record: HostsRecord
}

type Progress = (line: string) => void

/** Opens both and checks the second, before anything is measured. Half-built, it undoes itself. Throws CriuBenchError. */
export async function openHosts(request: HostsRequest, progress: Progress): Promise<TwoHosts> {
  await using undo = new AsyncDisposableStack()
  progress(`opening the host that restores: ${request.restoreOn}`)
  const { dumps, restores, name } = undo.use(await openHostPair(request))
  await checkHost(name, restores, request.programs)
  const [here, there] = [await machineOf(dumps), await machineOf(restores)]
  const record: HostsRecord = {
    dumped: { name: `namespace ${dumps.address}`, kernel: here.kernel, cpu: here.cpu },
    restored: { name, kernel: there.kernel, cpu: there.cpu },
    ...(request.link && Object.keys(request.link).length > 0 && { link: request.link }),
    clock: await compareClocks(restores),
  }
  const owned = undo.move()
  const { network } = dumps
  return { dumps, restores, network, record, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Opens both and looks at neither. Half-built, it undoes itself. Throws CriuBenchError. */
export const openHostPair = (request: HostsRequest): Promise<HostPair> =>
  request.restoreOn === 'namespace' ? openNamespaces(request) : openMachine(request)

/** Both on this machine, each with a network namespace, an address, mounts and processes of its own. */
async function openNamespaces({ containerName, link = {}, ...given }: HostsRequest): Promise<HostPair> {
  await using undo = new AsyncDisposableStack()
  const network = given.network ?? undo.use(await openNetwork(`vitest-criu-network-${process.pid}`))
  const dumps = undo.use(await network.open(`${containerName}-dumps`))
  const restores = undo.use(await network.open(containerName))
  if (Object.keys(link).length > 0) await network.shape(restores, link)
  const owned = undo.move()
  const name = `namespace ${restores.address}`
  return { dumps, restores, name, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
