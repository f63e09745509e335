/** runc and crun: they run a folder with a `config.json`, a bundle of the Open Container Initiative. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HANDLER_FOLDER } from '../../helpers/handlers/handler.ts'
import { hostPath } from '../../helpers/host/host.ts'
import { runIn, type Site } from '../site.ts'
import type { Peer } from './peer.ts'
import { layOut, untilReady } from './process.ts'
import { restoreOf, startOf } from './sample.ts'

/** The same namespaces as a lean container has, and a cgroup. */
const bundleOf = ({ root, sandbox }: Site, args: readonly string[], binds: readonly string[]) => ({
  ociVersion: '1.0.2',
  process: { user: { uid: 0, gid: 0 }, args, env: ['PATH=/bin'], cwd: '/', noNewPrivileges: true },
  root: { path: root, readonly: true },
  mounts: [
    { destination: '/proc', type: 'proc', source: 'proc' },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    ...binds.map((path) => ({ destination: path, type: 'bind', source: path, options: ['bind', 'rw'] })),
  ],
  linux: {
    cgroupsPath: `/${sandbox.containerName}`,
    namespaces: ['pid', 'mount', 'ipc', 'uts'].map((type) => ({ type })),
  },
})

async function writeBundle(
  site: Site,
  name: string,
  args: readonly string[],
  binds: readonly string[] = [],
): Promise<string> {
  const folder = join(site.folder, name)
  const there = hostPath(site.sandbox, folder)
  await mkdir(there)
  await writeFile(join(there, 'config.json'), JSON.stringify(bundleOf(site, args, binds)))
  return folder
}

const ISOLATION = 'pid, mount, ipc, uts; cgroup'

const starter = (runtime: string, packageName: string) => ({
  name: runtime,
  isolation: ISOLATION,
  needs: { [runtime]: packageName },
  async start(site: Site, args: readonly string[]) {
    const bundle = await writeBundle(site, `${runtime}-start`, args)
    return startOf(site, [runtime, 'run', '--bundle', bundle, `${site.sandbox.containerName}-${runtime}`])
  },
})

export const crun: Peer = {
  ...starter('crun', 'crun'),
  restoresNothing: "Debian's package is built without CRIU",
}

export const runc: Peer = {
  ...starter('runc', 'runc'),
  async restore(site, { command: args, checksum }) {
    const bundle = await writeBundle(site, 'runc-restore', args, [HANDLER_FOLDER])
    const images = join(site.folder, 'runc-images')
    const name = `${site.sandbox.containerName}-restored`
    const runtime = ['runc', '--criu', site.criu]
    await layOut(site, '0')
    // Its standard streams must not be files of this machine, which no restore could open.
    await runIn(site, ['sh', '-c', 'exec "$@" </dev/null >/dev/null 2>&1', 'sh', ...runtime, 'run', '--detach', '--bundle', bundle, name]) // prettier-ignore
    await untilReady(site)
    await runIn(site, [...runtime, 'checkpoint', '--image-path', images, name])
    return restoreOf(site, { command: args, checksum }, [...runtime, 'restore', '--image-path', images, '--bundle', bundle, name]) // prettier-ignore
  },
}
