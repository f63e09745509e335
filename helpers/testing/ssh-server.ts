import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { seenFrom } from '../system/host.ts'
import { openNetwork, type Neighbour, type Network } from '../system/network.ts'
import { start } from '../system/process.ts'
import { CONTAINER } from './checkpoints.ts'
import { temporaryFolder } from './folders.ts'

const SSHD = '/usr/sbin/sshd'

/** Why there can be no second machine in these tests; undefined where there can. */
export const noServer = (): string | undefined =>
  existsSync(SSHD) ? undefined : 'no sshd here: apt-get install openssh-server'

/** A machine of its own as far as an ssh client can tell: a network namespace with a real OpenSSH server in it. */
export interface SecondMachine extends AsyncDisposable {
  readonly network: Network
  /** As in the option restoreOn. */
  readonly url: string
  /** As in the option sshConfig: knows the server's key, and one that it takes. */
  readonly sshConfig: string
  readonly machine: Neighbour
  /** Ends the server and every session of it, as a power cut would. */
  cut(): Promise<void>
}

/** Everything is private to it: the network, the host's key, the user's, both configurations. `environment` is that of its logins. */
export async function openSecondMachine(
  environment: Readonly<Record<string, string>> = {},
): Promise<SecondMachine> {
  await using undo = new AsyncDisposableStack()
  const { path } = undo.use(await temporaryFolder())
  const network = undo.use(await openNetwork(`${CONTAINER}-network`))
  const machine = undo.use(await network.open(`${CONTAINER}-machine`))
  const [hostKey, userKey] = await Promise.all(['host', 'user'].map((name) => newKey(join(path, name))))
  const file = (name: string): string => join(path, name)
  await writeFile(file('authorized_keys'), userKey ?? '')
  await writeFile(file('known_hosts'), `[${machine.address}]:2222 ${hostKey}`)
  await writeFile(file('sshd'), serverConfig(path, environment))
  await writeFile(file('ssh'), clientConfig(path))
  await mkdir(seenFrom(machine, '/run/sshd'), { recursive: true })
  const server = undo.use(
    start(machine, {
      argv: [SSHD, '-D', '-e', '-f', file('sshd')],
      failed: 'the test server ended',
      mend: '',
    }),
  )
  await untilListening(machine)
  const owned = undo.move()
  return {
    network,
    machine,
    url: `ssh://root@${machine.address}:2222`,
    sshConfig: file('ssh'),
    cut: async () => {
      await server[Symbol.asyncDispose]()
      await machine[Symbol.asyncDispose]()
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** Makes a key pair; returns its public half. */
async function newKey(file: string): Promise<string> {
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file])
  await chmod(file, 0o600)
  return (await execa('ssh-keygen', ['-y', '-f', file])).stdout
}

const serverConfig = (folder: string, environment: Readonly<Record<string, string>>): string => `
Port 2222
HostKey ${folder}/host
AuthorizedKeysFile ${folder}/authorized_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
StrictModes no
PidFile none
Subsystem sftp internal-sftp
${Object.entries(environment)
  .map(([name, value]) => `SetEnv ${name}=${value}\n`)
  .join('')}`

const clientConfig = (folder: string): string => `
Host *
  IdentityFile ${folder}/user
  IdentitiesOnly yes
  UserKnownHostsFile ${folder}/known_hosts
  StrictHostKeyChecking yes
`

/** State 0A is listening, port 08AE is 2222. */
const LISTENING = ':08AE 00000000:0000 0A'
const untilListening = (machine: Neighbour) =>
  execa('sh', ['-c', `until grep -q "${LISTENING}" /proc/${machine.init}/net/tcp; do :; done`], {
    timeout: 10_000,
  })
