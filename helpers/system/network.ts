import { localHost } from './host.ts'
import { run } from './process.ts'
import { openSandbox, type Sandbox } from './sandbox.ts'

/** A sandbox that the others of its network reach. */
export interface Neighbour extends Sandbox {
  readonly address: string
}

/** What hosts reach each other by. */
export interface Network extends AsyncDisposable {
  /** Opens a sandbox that the others reach under its address. Throws CriuBenchError. */
  open(containerName: string): Promise<Neighbour>
  /** Hands over what lives in this network: it ends with it, and before it. */
  own(resource: AsyncDisposable): void
}

/** Of nobody's but this network's own namespaces, so that it cannot be another's. */
const addressOf = (place: number): string => `10.42.0.${place}`
const MEND = 'apt-get install iproute2; the kernel needs CONFIG_VETH and CONFIG_BRIDGE'

/**
 * A network of this run's own: a bridge in a network namespace, to which each sandbox opened in it is linked by a pair
 * of virtual interfaces, "eth0" in the sandbox. This machine's own interfaces are neither used nor seen. It needs no
 * clean-up: links go with the namespaces, and these with their processes. Throws CriuBenchError.
 */
export async function openNetwork(name: string): Promise<Network> {
  await using undo = new AsyncDisposableStack()
  const hub = undo.use(await openSandbox(name, { ownNetwork: true }))
  await inNetworkOf(hub, 'ip link add bridge type bridge; ip link set bridge up', [])
  let places = 0
  const owned = undo.move()
  const network: Network = {
    async open(containerName) {
      const sandbox = await openSandbox(containerName, { ownNetwork: true })
      places += 1
      const address = addressOf(places)
      try {
        await link(hub, sandbox, places, address)
      } catch (error) {
        await sandbox[Symbol.asyncDispose]()
        throw error
      }
      return { ...sandbox, address, network }
    },
    own: (resource) => void owned.use(resource),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
  return network
}

async function link(hub: Sandbox, sandbox: Sandbox, place: number, address: string): Promise<void> {
  const script =
    'ip link add "$1" type veth peer name eth0 netns "$2"; ip link set "$1" master bridge; ip link set "$1" up'
  await inNetworkOf(hub, script, [`link${place}`, String(sandbox.init)])
  await inNetworkOf(sandbox, 'ip address add "$1/24" dev eth0; ip link set eth0 up', [address])
}

/** By its network namespace alone: in its PID namespace `ip` would not know the other one's init. */
const inNetworkOf = ({ init }: Sandbox, script: string, args: readonly string[]) =>
  run(localHost, {
    argv: ['nsenter', '--target', String(init), '--net', '--', 'sh', '-ec', script, 'sh', ...args],
    failed: 'cannot set up a network of network namespaces',
    mend: MEND,
    timeout: 10_000,
  })
