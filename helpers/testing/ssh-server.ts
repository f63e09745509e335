import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { hostPath } from '../host/host.ts'
import { machineNetwork, openNetwork, type Neighbour, type Network } from '../network/network.ts'
import { start } from '../process/daemon.ts'
import { waitFor } from '../process/wait.ts'
import { CONTAINER } from './checkpoints.ts'
import { temporaryFolder } from './folders.ts'

const SSHD = '/usr/sbin/sshd'

/** Why these tests cannot have a second machine; undefined when they can. */
export const noServer = (): string | undefined =>
  existsSync(SSHD) ? undefined : 'no sshd here: apt-get install openssh-server'

/** A second machine as far as an ssh client can tell: a network namespace with a real OpenSSH server. */
export interface SecondMachine extends AsyncDisposable {
  readonly network: Network
  /** For the option restoreOn. */
  readonly url: string
  /** For the option sshConfig: has the server's key, and a user's key that the server accepts. */
  readonly sshConfig: string
  readonly machine: Neighbour
}

/**
 * Opens a second machine with a private network, private keys of host and user, and private configurations. With
 * 'loopback' the server listens on this machine's loopback, where every process here can reach it.
 */
export async function openSecondMachine(place: 'network' | 'loopback' = 'network'): Promise<SecondMachine> {
  await using undo = new AsyncDisposableStack()
  const { path } = undo.use(await temporaryFolder())
  const network = undo.use(
    place === 'network' ? await openNetwork(`${CONTAINER}-network`) : machineNetwork('127.0.0.1'),
  )
  const port = await freePort()
  const machine = undo.use(await network.open(`${CONTAINER}-machine`))
  const [hostKey, userKey] = await Promise.all(['host', 'user'].map((name) => newKey(join(path, name))))
  const file = (name: string): string => join(path, name)
  await writeFile(file('authorized_keys'), userKey ?? '')
  await writeFile(file('known_hosts'), `[${machine.address}]:${port} ${hostKey}`)
  await writeFile(file('sshd'), serverConfig(path, machine.address, port))
  await writeFile(file('ssh'), clientConfig(path))
  await mkdir(hostPath(machine, '/run/sshd'), { recursive: true })
  undo.use(
    start(machine, {
      argv: [SSHD, '-D', '-e', '-f', file('sshd')],
      failed: 'the test server ended',
      fix: '',
    }),
  )
  // Disposed of first, because a session keeps the server's output open.
  undo.defer(() => machine[Symbol.asyncDispose]())
  await untilListening(machine, port)
  const owned = undo.move()
  return {
    network,
    machine,
    url: `ssh://root@${machine.address}:${port}`,
    sshConfig: file('ssh'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Makes a key pair; returns its public half. */
async function newKey(file: string): Promise<string> {
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])
  await chmod(file, 0o600)
  return (await execa('ssh-keygen', ['-y', '-f', file])).stdout
}

/**
 * Logins get this test's PATH, with the mark by which the leak check finds its processes, and an empty home folder: bash
 * runs ~/.bashrc before each command, which takes a third of a second on a developer's machine.
 */
const serverConfig = (folder: string, address: string, port: number): string => `
ListenAddress ${address}:${port}
HostKey ${folder}/host
AuthorizedKeysFile ${folder}/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
Subsystem sftp internal-sftp
SetEnv PATH=${process.env['PATH']} HOME=${folder}
`

const clientConfig = (folder: string): string => `
Host *
  IdentityFile ${folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile ${folder}/known_hosts
  StrictHostKeyChecking yes
`

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address ? address.port : 0
}

/** In /proc/net/tcp the port is hexadecimal, and the state 0A means listening. */
async function untilListening({ init }: Neighbour, port: number): Promise<void> {
  const line = `:${port.toString(16).toUpperCase().padStart(4, '0')} 00000000:0000 0A`
  await waitFor(async () => (await readFile(`/proc/${init}/net/tcp`, 'utf8')).includes(line), {
    failed: 'cannot start the test server',
    found: 'no listening socket',
    expected: `a server that listens on port ${port}`,
    fix: 'look at its configuration',
    limit: 10_000,
  })
}
