import { CriuBenchError } from '../errors.ts'
import { localHost } from '../host/host.ts'
import { run } from '../process/process.ts'
import { openSandbox, type Sandbox } from '../sandbox/sandbox.ts'

/** A sandbox that the others of its network reach. */
export interface Neighbour extends Sandbox {
  readonly address: string
  /** The network that it was opened in. */
  readonly network: Network
}

/** What a link is held down to, in each direction, as tc(8) writes it: "1ms", "100mbit". */
export interface Shape {
  readonly delay?: string | undefined
  readonly bandwidth?: string | undefined
}

/** What hosts reach each other by. */
export interface Network extends AsyncDisposable {
  /** Opens a sandbox that the others reach under its address. Throws CriuBenchError. */
  open(containerName: string): Promise<Neighbour>
  /** Holds the link of one of its sandboxes down, in both directions. Throws CriuBenchError. */
  shape(sandbox: Neighbour, shape: Shape): Promise<void>
  /** Hands over what lives in this network: it ends with it, and before it. */
  own(resource: AsyncDisposable): void
}

/** In the names of interfaces, which have 15 characters at most: they must never be seen on the machine itself. */
export const INTERFACE_PREFIX = 'vcriu'
const BRIDGE = `${INTERFACE_PREFIX}-bridge`
/** The bridge's end of the link to the sandbox of that number. */
const linkOf = (number: number): string => `${INTERFACE_PREFIX}-${number}`

/** In namespaces of this network's own: no other network has to be avoided. */
const addressOf = (number: number): string => `10.42.0.${number}`
const FIX = 'apt-get install iproute2; the kernel needs CONFIG_VETH and CONFIG_BRIDGE'

/**
 * A network of this run's own: a bridge in a network namespace, to which each sandbox opened in it is linked by a pair
 * of virtual interfaces, "eth0" in the sandbox. This machine's own interfaces are neither used nor seen. It needs no
 * clean-up: links go with the namespaces, and these with their processes. Throws CriuBenchError.
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
      await hold(sandbox, 'eth0', shape)
      await hold(hub, linkOf(Number(sandbox.address.split('.').at(-1))), shape)
    },
    own: (resource) => void owned.use(resource),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
  return network
}

/** This machine's own network, in which others reach it under that address. */
export function machineNetwork(address: string): Network {
  const owned = new AsyncDisposableStack()
  const network: Network = {
    open: async (containerName) => ({ ...(await openSandbox(containerName)), address, network }),
    shape: async () => {
      throw new CriuBenchError({
        failed: 'cannot hold a link down',
        found: "this machine's own network",
        expected: "a link of this run: that of a namespace in a network of the run's own",
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

/** Of what leaves by an interface. A burst of 256 kB is what a gigabit needs at the kernel's slowest tick, and no more. */
async function hold(host: Sandbox, device: string, { delay, bandwidth }: Shape): Promise<void> {
  // netem does both where the kernel has it; tbf, which every kernel has, cannot delay.
  const bounded = `tbf rate ${bandwidth} burst 256kb latency 100ms`
  const delayed = `netem delay ${delay} limit 100000${bandwidth === undefined ? '' : ` rate ${bandwidth}`}`
  if (delay === undefined && bandwidth === undefined) return
  const qdisc = delay === undefined ? bounded : delayed
  await inNetworkOf(host, `tc qdisc add dev "$1" root ${qdisc}`, [device], {
    failed: `cannot hold a link down to ${[delay && `a delay of ${delay}`, bandwidth].filter(Boolean).join(' and ')}`,
    fix:
      delay === undefined
        ? 'modprobe sch_tbf; apt-get install iproute2'
        : 'modprobe sch_netem, or leave the delay out where this kernel has no netem: VITEST_CRIU_LINK=bandwidth=100mbit',
  })
}

/** By its network namespace alone: in its PID namespace `ip` would not know the other one's init. */
const inNetworkOf = (
  { init }: Sandbox,
  script: string,
  args: readonly string[],
  told = { failed: 'cannot set up a network of network namespaces', fix: FIX },
) =>
  run(localHost, {
    argv: ['nsenter', '--target', String(init), '--net', '--', 'sh', '-ec', script, 'sh', ...args],
    ...told,
    timeout: 10_000,
  })
