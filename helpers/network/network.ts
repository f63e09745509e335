import { CriuBenchError } from '../errors.ts'
import { localHost } from '../host/host.ts'
import { run } from '../process/process.ts'
import { openSandbox, type Sandbox } from '../sandbox/sandbox.ts'

/** A sandbox that other sandboxes of its network can reach. */
export interface Neighbour extends Sandbox {
  readonly address: string
  /** The network that it was opened in. */
  readonly network: Network
}

/** The limits of a link in each direction, as tc(8) writes them: "1ms", "100mbit". */
export interface Shape {
  readonly delay?: string | undefined
  readonly bandwidth?: string | undefined
}

/** A network in which hosts reach each other. */
export interface Network extends AsyncDisposable {
  /** Opens a sandbox with an address in this network. Throws CriuBenchError. */
  open(containerName: string): Promise<Neighbour>
  /** Limits the link of one of its sandboxes, in both directions. Throws CriuBenchError. */
  shape(sandbox: Neighbour, shape: Shape): Promise<void>
  /** Takes ownership of a resource that uses this network: it is disposed of before the network is. */
  own(resource: AsyncDisposable): void
}

/** Prefix of interface names (at most 15 characters); such interfaces must never appear in the machine's own network. */
export const INTERFACE_PREFIX = 'vcriu'
const BRIDGE = `${INTERFACE_PREFIX}-bridge`
/** The bridge's end of the link to the sandbox with that number. */
const linkOf = (number: number): string => `${INTERFACE_PREFIX}-${number}`

/** The addresses can be the same in every network, because each has namespaces of its own. */
const addressOf = (number: number): string => `10.42.0.${number}`
const FIX = 'apt-get install iproute2; the kernel needs CONFIG_VETH and CONFIG_BRIDGE'

/**
 * Opens a private network: a bridge in a network namespace. A pair of virtual interfaces links each sandbox to it, "eth0"
 * in the sandbox. The machine's own interfaces are not touched. Nothing has to be cleaned up: the kernel removes links
 * with their namespaces, and namespaces with their processes. Throws CriuBenchError.
 */
export async function openNetwork(name: string): Promise<Network> {
  await using undo = new AsyncDisposableStack()
  const hub = undo.use(await openSandbox(name, { ownNetwork: true }))
  await inNetworkOf(hub, 'ip link add "$1" type bridge; ip link set "$1" up', [BRIDGE])
  let opened = 0
  const owned = undo.move()
  const network: Network = {
    async open(containerName) {
      const sandbox = await openSandbox(containerName, { ownNetwork: true })
      opened += 1
      const address = addressOf(opened)
      try {
        await link(hub, sandbox, opened, address)
      } catch (error) {
        await sandbox[Symbol.asyncDispose]()
        throw error
      }
      return { ...sandbox, address, network }
    },
    async shape(sandbox, shape) {
      await limit(sandbox, 'eth0', shape)
      await limit(hub, linkOf(Number(sandbox.address.split('.').at(-1))), shape)
    },
    own: (resource) => void owned.use(resource),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
  return network
}

/** This machine's own network, where other machines reach it at `address`. */
export function machineNetwork(address: string): Network {
  const owned = new AsyncDisposableStack()
  const network: Network = {
    open: async (containerName) => ({ ...(await openSandbox(containerName)), address, network }),
    shape: async () => {
      throw new CriuBenchError({
        failed: 'cannot limit a link',
        found: "this machine's own network",
        expected: "a link of this run: that of a namespace in the run's private network",
        fix: 'unset VITEST_CRIU_LINK, or set it by hand with tc(8)',
      })
    },
    own: (resource) => void owned.use(resource),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
  return network
}

async function link(hub: Sandbox, sandbox: Sandbox, number: number, address: string): Promise<void> {
  const script =
    'ip link add "$1" type veth peer name eth0 netns "$2"; ip link set "$1" master "$3"; ip link set "$1" up'
  await inNetworkOf(hub, script, [linkOf(number), String(sandbox.init), BRIDGE])
  await inNetworkOf(sandbox, 'ip address add "$1/24" dev eth0; ip link set eth0 up', [address])
}

/** Limits what leaves by an interface. A burst of 256 kB is the least that a gigabit needs at the kernel's slowest tick. */
async function limit(host: Sandbox, device: string, { delay, bandwidth }: Shape): Promise<void> {
  // netem does both where the kernel has it; tbf, which every kernel has, cannot delay.
  const bounded = `tbf rate ${bandwidth} burst 256kb latency 100ms`
  const delayed = `netem delay ${delay} limit 100000${bandwidth === undefined ? '' : ` rate ${bandwidth}`}`
  if (delay === undefined && bandwidth === undefined) return
  const qdisc = delay === undefined ? bounded : delayed
  await inNetworkOf(host, `tc qdisc add dev "$1" root ${qdisc}`, [device], {
    failed: `cannot limit a link to ${[delay && `a delay of ${delay}`, bandwidth].filter(Boolean).join(' and ')}`,
    fix:
      delay === undefined
        ? 'modprobe sch_tbf; apt-get install iproute2'
        : 'modprobe sch_netem, or remove the delay where this kernel has no netem: VITEST_CRIU_LINK=bandwidth=100mbit',
  })
}

/** Enters the network namespace alone: from its PID namespace, `ip` could not name the other sandbox's init. */
const inNetworkOf = (
  { init }: Sandbox,
  script: string,
  args: readonly string[],
  facts = { failed: 'cannot set up a network of network namespaces', fix: FIX },
) =>
  run(localHost, {
    argv: ['nsenter', '--target', String(init), '--net', '--', 'sh', '-ec', script, 'sh', ...args],
    ...facts,
    timeout: 10_000,
  })
