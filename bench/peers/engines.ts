/** podman, which starts each container by itself, and Docker, whose daemon does. Both use runc. */
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { HANDLER_FOLDER } from '../../helpers/handlers/handler.ts'
import { hostPath } from '../../helpers/host/host.ts'
import { start } from '../../helpers/process/daemon.ts'
import { onceUp, waitFor } from '../../helpers/process/wait.ts'
import { runIn, type Site } from '../site.ts'
import type { Peer } from './peer.ts'
import { layOut, untilReady, type RestoredProcess } from './process.ts'
import { restoreOf, startOf } from './sample.ts'

const IMAGE = 'peers'
const ISOLATION = 'pid, mount, ipc, uts, network; cgroup'
/** Where root lacks CAP_SYS_RESOURCE, runc cannot set the engines' own limits. */
const LIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1024:1024']

/** The command of an engine with its own storage. The driver vfs works where overlayfs does not. */
type Open = (site: Site) => Promise<readonly string[]>

const imageIn = (site: Site, engine: readonly string[]) =>
  runIn(site, ['sh', '-c', 'root=$1; shift; tar --create --directory "$root" . | "$@"', 'sh', site.root, ...engine, 'import', '-', IMAGE]) // prettier-ignore

/** The engine starts CRIU by its name. */
const pathWith = ({ criu }: Site): string => `PATH=${dirname(criu)}:${process.env['PATH']}`

const openPodman: Open = async (site) => {
  const home = join(site.folder, 'podman')
  // prettier-ignore
  return ['env', pathWith(site), 'podman', '--root', join(home, 'storage'), '--runroot', join(home, 'run'),
    '--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--runtime', 'runc', '--events-backend', 'none']
}

const openDocker: Open = async (site) => {
  const home = join(site.folder, 'docker')
  await mkdir(hostPath(site.sandbox, home), { recursive: true })
  const socket = join(home, 'socket')
  const docker = ['docker', '--host', `unix://${socket}`]
  const daemon = start(site.sandbox, {
    // prettier-ignore
    argv: ['env', pathWith(site), 'dockerd', '--experimental', '--data-root', join(home, 'data'), '--exec-root', join(home, 'exec'),
      '--pidfile', join(home, 'pid'), '--host', `unix://${socket}`, '--storage-driver', 'vfs', '--iptables=false', '--bridge=none'],
    failed: 'cannot start dockerd',
    fix: 'read its output',
  })
  const isUp = () => runIn(site, [...docker, 'version']).then(() => true, () => false) // prettier-ignore
  await onceUp(daemon, isUp, { failed: 'cannot use docker', found: 'no answer', expected: 'its version', fix: 'read its output', limit: 60_000, interval: 200 }) // prettier-ignore
  return docker
}

const startIn = (open: Open) => async (site: Site, args: readonly string[]) => {
  const engine = await open(site)
  await imageIn(site, engine)
  return startOf(site, [...engine, 'run', '--rm', '--network', 'none', ...LIMITS, IMAGE, ...args])
}

/** A container with the process, ready for a checkpoint. */
async function running(
  site: Site,
  engine: readonly string[],
  { command: args }: RestoredProcess,
): Promise<string> {
  const name = 'restored'
  await layOut(site, '0')
  // prettier-ignore
  await runIn(site, [...engine, 'run', '--detach', '--name', name, '--network', 'none', ...LIMITS,
    '--volume', `${HANDLER_FOLDER}:${HANDLER_FOLDER}`, IMAGE, ...args])
  await untilReady(site)
  return name
}

export const podman: Peer = {
  name: 'podman',
  isolation: ISOLATION,
  needs: { podman: 'podman', runc: 'runc' },
  start: startIn(openPodman),
  async restore(site, restored) {
    const engine = await openPodman(site)
    await imageIn(site, engine)
    const name = await running(site, engine, restored)
    await runIn(site, [...engine, 'container', 'checkpoint', name])
    // It keeps the checkpoint for the next restore.
    const ended = () => runIn(site, [...engine, 'wait', name])
    return restoreOf(site, restored, [...engine, 'container', 'restore', '--keep', name], ended)
  },
}

export const docker: Peer = {
  name: 'docker',
  isolation: ISOLATION,
  needs: { docker: 'docker.io', dockerd: 'docker.io', runc: 'runc' },
  start: startIn(openDocker),
  async restore(site, restored) {
    const engine = await openDocker(site)
    await imageIn(site, engine)
    const name = await running(site, engine, restored)
    await runIn(site, [...engine, 'checkpoint', 'create', name, 'first'])
    // Not `docker wait`, which waits for ever for a restored container that has ended.
    const state = [...engine, 'inspect', '--format', '{{.State.Running}}', name]
    const hasEnded = async () => (await runIn(site, state)).stdout.trim() === 'false'
    const ended = () => waitFor(hasEnded, { failed: 'cannot restore once more', found: 'a running container', expected: 'an end', fix: 'docker kill', limit: 60_000 }) // prettier-ignore
    return restoreOf(site, restored, [...engine, 'start', '--checkpoint', 'first', name], ended)
  },
}
