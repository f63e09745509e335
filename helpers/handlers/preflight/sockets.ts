import { readFile } from 'node:fs/promises'
import { hostPath, type Host } from '../../host/host.ts'
import { run } from '../../process/process.ts'
import { observer } from '../observe.ts'
import type { Finding } from './finding.ts'
import type { Process } from './process.ts'

/** The state of a listening socket in proc_net_tcp(5). */
const LISTEN = '0A'

const inodeOf = (target: string): string | undefined => /^socket:\[(\d+)\]$/.exec(target)?.[1]

/** The users of sockets by inode: "fd 5 of 1002". */
const socketsOf = (tree: readonly Process[]): Map<string, string> =>
  new Map(
    tree.flatMap(({ files }) =>
      files.flatMap(({ target, user }) => {
        const inode = inodeOf(target)
        return inode === undefined ? [] : [[inode, user] as const]
      }),
    ),
  )

/** Connections whose other end is not part of the dump, and so is missing after a restore. */
export async function socketFindings(
  host: Host,
  tree: readonly Process[],
  hasOwnNetwork: boolean,
): Promise<Finding[]> {
  const sockets = socketsOf(tree)
  const [first] = tree
  if (sockets.size === 0 || !first) return []
  return [
    ...(await protocolFindings(host, tree, sockets)),
    ...(await tcpFindings(host, first.pid, sockets, hasOwnNetwork)),
    ...(await unixFindings(host, sockets)),
  ]
}

/** The kernel's names of the protocols that CRIU knows. */
const KNOWN = /^(TCP|UDP|UDP-?Lite|RAW)(v6)?$|^UNIX|^NETLINK$|^PACKET$/i

/** The inode and a second number or name of each socket. */
async function socketsAsTold(host: Host, options: readonly string[]): Promise<Array<[string, string]>> {
  const { stdout } = await run(host, {
    argv: [await observer(), ...options],
    failed: 'cannot look at the sockets of the handler',
    fix: 'use a kernel with CONFIG_UNIX_DIAG: CRIU needs it as well',
    timeout: 5000,
  })
  return stdout.split('\n').map((line): [string, string] => {
    const [inode = '', told = ''] = line.split(' ')
    return [inode, told]
  })
}

async function protocolFindings(
  host: Host,
  tree: readonly Process[],
  sockets: Map<string, string>,
): Promise<Finding[]> {
  const told = await socketsAsTold(host, ['--protocols', ...tree.map(({ pid }) => String(pid))])
  return told.flatMap(([inode, protocol]) => {
    const user = sockets.get(inode)
    if (user === undefined || KNOWN.test(protocol)) return []
    const fix = protocol.startsWith('MPTCP')
      ? 'let it listen by TCP; for a Go program: env: { GODEBUG: "multipathtcp=0" }'
      : 'close it before it is ready'
    return [{ what: `${user}: a socket of the protocol ${protocol}, which CRIU cannot dump`, fix }]
  })
}

/** In a network that others use, the addresses of a connection may be taken when it is restored. */
async function tcpFindings(
  host: Host,
  pid: number,
  sockets: Map<string, string>,
  hasOwnNetwork: boolean,
): Promise<Finding[]> {
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) =>
      readFile(hostPath(host, `/proc/${pid}/net/${name}`), 'utf8').catch(() => ''),
    ),
  )
  const connections = tables.flatMap((table) => table.split('\n').map(connectionIn))
  const inside = connections.filter(({ inode }) => hasOwnNetwork && sockets.has(inode))
  const ends = new Set(inside.map(({ local, peer }) => `${local} ${peer}`))
  return connections.flatMap((connection) => {
    const user = sockets.get(connection.inode)
    if (user === undefined || connection.state === LISTEN) return []
    return ends.has(`${connection.peer} ${connection.local}`)
      ? insideFindings(user, connection)
      : [outsideFinding(user, connection)]
  })
}

/** Of a connection whose other end is dumped as well. What is on its way passes. */
const insideFindings = (user: string, { unsent }: Connection): Finding[] =>
  unsent === 0
    ? []
    : [
        {
          what: `${user}: an open TCP connection with ${unsent} bytes that its other end has no room for`,
          fix: 'let the other end read what it is sent: CRIU cannot send the rest before both ends are restored',
          passes: true,
        },
      ]

/** Closing a connection takes a moment, from one end to the other: it passes. */
const outsideFinding = (user: string, { peer }: Connection): Finding => ({
  what: `${user}: an open TCP connection, to port ${Number.parseInt(peer.split(':')[1] ?? '', 16)}`,
  fix: 'close it before it is ready, and connect again after the restore',
  passes: true,
})

/** How proc_net_tcp(5) begins an IPv4 address of an IPv6 socket. */
const MAPPED = /^0{16}FFFF0000(?=[0-9A-F]{8}:)/

interface Connection {
  /** Addresses as proc_net_tcp(5) has them. */
  readonly local: string
  readonly peer: string
  readonly state: string | undefined
  readonly inode: string
  /** Bytes that the other end has not acknowledged. */
  readonly unsent: number
}

/** A line of proc_net_tcp(5). */
function connectionIn(line: string): Connection {
  const [, local = '', peer = '', state, queues = '', , , , , inode = ''] = line.trim().split(/\s+/)
  const unsent = Number.parseInt(queues, 16)
  return { local: local.replace(MAPPED, ''), peer: peer.replace(MAPPED, ''), state, inode, unsent }
}

async function unixFindings(host: Host, sockets: Map<string, string>): Promise<Finding[]> {
  return (await socketsAsTold(host, ['--peers'])).flatMap(([inode, peer]) => {
    const user = sockets.get(inode)
    if (user === undefined || sockets.has(peer)) return []
    const what = `${user}: a Unix socket that is connected to another program`
    const fix =
      'close it before it is ready (such as to a log daemon or a database), and connect again after the restore'
    return { what, fix, passes: true }
  })
}
