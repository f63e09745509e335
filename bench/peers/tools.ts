/** Small programs that start a process in namespaces of its own, without a cgroup. */
import type { Peer } from './peer.ts'
import { startOf } from './sample.ts'

export const unshare: Peer = {
  name: 'unshare',
  isolation: 'pid, mount, ipc, uts; no cgroup',
  needs: { unshare: 'util-linux' },
  start: async (site, args) =>
    startOf(site, ['unshare', '--pid', '--mount', '--ipc', '--uts', '--fork', '--mount-proc', `--root=${site.root}`, ...args]), // prettier-ignore
}

export const bubblewrap: Peer = {
  name: 'bubblewrap',
  isolation: 'pid, mount, ipc, uts; no cgroup',
  needs: { bwrap: 'bubblewrap' },
  start: async (site, args) =>
    startOf(site, ['bwrap', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--ro-bind', site.root, '/',
      '--proc', '/proc', '--dev', '/dev', ...args]), // prettier-ignore
}
