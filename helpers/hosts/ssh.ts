import { REMOVE_CGROUP } from '../cgroup/cgroups.ts'
import { CriuBenchError } from '../errors.ts'
import { hostPath, localHost, type Host } from '../host/host.ts'
import { makeFolder } from '../host/folders.ts'
import { readMounts } from '../mount/mounts.ts'
import { machineNetwork, type Network } from '../network/network.ts'
import { start, type Daemon } from '../process/daemon.ts'
import { converse } from '../process/dialogue.ts'
import { run } from '../process/process.ts'
import { onceUp } from '../process/wait.ts'
import { cleanUpScript, enterCommand, FOLDERS_THERE, holdCommand } from '../sandbox/namespaces.ts'
import { openSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import type { HostsRequest, HostPair } from './request.ts'

/** In the private /run of the host that dumps: the connection's socket, and the mount of the other machine's files. */
const FOLDER = '/run/vitest-criu-ssh'
const SOCKET = `${FOLDER}/connection`
const FILES = `${FOLDER}/files`
const LIMIT = 30_000
const POLL = 20
const FIX =
  'let ssh connect without a question: run ssh-copy-id, and `ssh` once by hand to accept the host key'

/**
 * The supervisor on the other machine: `SUPERVISE CGROUP_NAME CLEAN_UP_SCRIPT HOLD_COMMAND…`. It ends the namespaces when
 * its standard input ends. To the first line of input, HOLD_COMMAND answers; to each later one, it writes init's pid.
 */
const SUPERVISE = `
cgroup=$1 clean_up=$2; shift 2
"$@" 2>&1 &
holder=$!
read -r _ # HOLD_COMMAND answers this one
while read -r _; do cat "/proc/$holder/task/$holder/children"; echo; done
init=$(cat "/proc/$holder/task/$holder/children")
nsenter --target "\${init% }" --mount --pid --root -- sh -c "$clean_up"
kill -KILL "$holder"
wait "$holder"
${REMOVE_CGROUP}
`
/** Seconds that each clean-up hook may take on the other machine. */
const HOOK_LIMIT = 30

/** Opens another machine by OpenSSH, and a host here that dumps. Nothing outlives the connection on either side. */
export async function openMachine({ restoreOn: name, ...request }: HostsRequest): Promise<HostPair> {
  const { containerName, network, sshConfig } = request
  refuseLink(name, request)
  await using undo = new AsyncDisposableStack()
  const here = undo.use(await openHere(`${containerName}-dumps`, network))
  await makeFolder(here, FILES, 0o700)
  const ssh = [
    'ssh',
    ...(sshConfig === undefined ? [] : ['-F', sshConfig]),
    '-S',
    SOCKET,
    '-o',
    'BatchMode=yes',
  ]
  undo.use(await connect(here, name, ssh))
  const sshCommand = [...here.namespacePrefix, ...ssh, '-T', name]
  const init = await openThere(
    { namespacePrefix: [], sshCommand, root: '/nonexistent' },
    name,
    containerName,
    undo,
  )
  undo.use(await showFiles(here, name, ssh, init))
  const restoreHost: Host = {
    sshCommand,
    namespacePrefix: enterCommand(init),
    root: hostPath(here, FILES),
  }
  const address = await addressFor(restoreHost)
  const dumpHost = { ...here, address, network: network ?? undo.use(machineNetwork(address)) }
  const owned = undo.move()
  return { dumpHost, restoreHost, name, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

const openHere = (containerName: string, network?: Network): Promise<Sandbox> =>
  network ? network.open(containerName) : openSandbox(containerName)

function refuseLink(name: string, { link = {} }: Pick<HostsRequest, 'link'>): void {
  if (Object.values(link).every((value) => value === undefined)) return
  throw new CriuBenchError({
    failed: `cannot limit the link of ${name}`,
    found: 'VITEST_CRIU_LINK, and a host on another machine',
    expected: 'a link that this run has made: that of a namespace',
    fix: 'set VITEST_CRIU_RESTORE_ON=namespace; or unset VITEST_CRIU_LINK and limit the link on that machine with tc(8)',
  })
}

/** Opens the connection that all later commands share. */
async function connect(here: Sandbox, name: string, ssh: readonly string[]): Promise<Daemon> {
  const failed = `cannot connect to ${name}`
  // prettier-ignore
  const master = start(here, { argv: [...ssh, '-M', '-N', '-o', 'ConnectTimeout=10', '-o', 'ServerAliveInterval=5', '-o', 'ServerAliveCountMax=2', name], failed, fix: FIX })
  const isConnected = async (): Promise<boolean> => {
    const check = { failed, fix: FIX, timeout: LIMIT, accept: [0, 255] }
    return (await run(here, { argv: [...ssh, '-O', 'check', name], ...check })).exitCode === 0
  }
  return onceUp(master, isConnected, {
    failed,
    found: 'no connection',
    expected: 'a connection',
    fix: FIX,
    limit: LIMIT,
    interval: POLL,
  })
}

/** Opens namespaces on the other machine, until `undo` or the connection ends. Returns their init's pid there. */
async function openThere(
  there: Host,
  name: string,
  containerName: string,
  undo: AsyncDisposableStack,
): Promise<number> {
  const failed = `cannot open private namespaces on ${name}`
  // prettier-ignore
  const argv = ['sh', '-c', SUPERVISE, 'supervise', containerName, cleanUpScript(HOOK_LIMIT),
    ...localHost.namespacePrefix, ...holdCommand(FOLDERS_THERE)]
  const supervisor = undo.use(converse(there, { argv, failed, fix: FIX, timeout: LIMIT }))
  const ready = await supervisor.ask('ready?')
  if (ready === 'ready') return Number(await supervisor.ask('init?'))
  throw new CriuBenchError({
    failed,
    found: ready,
    expected: 'root with CAP_SYS_ADMIN, and unshare, nsenter and setpriv of util-linux, on that machine',
    fix: 'log in as root (ssh://root@host), and apt-get install util-linux on that machine',
  })
}

/** Mounts the files of the other machine's namespaces here, without a cache. */
async function showFiles(here: Sandbox, name: string, ssh: readonly string[], init: number): Promise<Daemon> {
  const { username, hostname } = new URL(name)
  const source = `${username === '' ? '' : `${decodeURIComponent(username)}@`}${hostname}:/proc/${init}/root/.`
  // direct_io, because files in /proc have the size 0.
  const options = ['direct_io', 'dir_cache=no', 'attr_timeout=0', 'entry_timeout=0', `ssh_command=${ssh.join(' ')}`] // prettier-ignore
  const facts = {
    failed: `cannot show the files of ${name} here`,
    fix: 'apt-get install sshfs on this machine',
  }
  const argv = ['sshfs', '-f', ...options.flatMap((option) => ['-o', option]), source, FILES]
  const isMounted = async (): Promise<boolean> =>
    (await readMounts(here)).some(({ point, type }) => point === FILES && type === 'fuse.sshfs')
  return onceUp(start(here, { argv, ...facts }), isMounted, {
    ...facts,
    found: `no mount on ${FILES}`,
    expected: 'a mount of type fuse.sshfs',
    limit: LIMIT,
    interval: POLL,
  })
}

/** This machine's address, as the other machine sees it. */
async function addressFor(there: Host): Promise<string> {
  const failed = 'cannot find out the address of this machine'
  const argv = ['sh', '-c', 'echo "$SSH_CONNECTION"']
  return (await run(there, { argv, failed, fix: FIX, timeout: LIMIT })).stdout.split(' ')[0] ?? ''
}
