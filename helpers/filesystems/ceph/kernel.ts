import { readFile, writeFile } from 'node:fs/promises'
import { release } from 'node:os'
import { join } from 'node:path'
import { CriuBenchError } from '../../errors.ts'
import { localHost, hostPath, type Host } from '../../host/host.ts'
import { run } from '../../process/process.ts'
import { missingPrograms } from '../../programs/installed.ts'
import { unmount } from '../mount-point.ts'
import { fixOf, type Attached, type ClientMount } from './attached.ts'
import { keyOf } from './conf.ts'
import { unmountLazily } from './fuse.ts'
import type { Access } from './service.ts'

const HELPER = 'mount.ceph'

/** Why the kernel's client cannot be used on this machine; undefined when it can. */
export async function noKernelClient(): Promise<string | undefined> {
  if (!(await isInKernel())) {
    // Whatever modprobe says: only whether the kernel has the client now counts.
    const argv = ['modprobe', '--quiet', 'ceph']
    await run(localHost, { argv, failed: 'no module ceph', fix: 'none', timeout: 10_000 }).catch(() => {})
    if (!(await isInKernel())) return 'this kernel has no client for it'
  }
  return missingPrograms([HELPER]).length === 0 ? undefined : `no ${HELPER} for the kernel's client`
}

const isInKernel = async (): Promise<boolean> =>
  /^nodev\tceph$/m.test(await readFile('/proc/filesystems', 'utf8'))

/** Mounts by the kernel's client. */
export async function attachKernel(host: Host, access: Access, mount: ClientMount): Promise<Attached> {
  const { path, point } = mount
  await writeFile(hostPath(host, secretIn(mount)), keyOf(access.keyring, `client.${access.user}`), { mode: 0o600 }) // prettier-ignore
  await run(host, {
    argv: kernelMountCommand(access, mount),
    failed: `cannot mount ${path} of the Ceph file system on ${point} as client.${access.user}`,
    fix: fixOf(access),
    timeout: 60_000,
  })
  return {
    leave: () => unmount(host, point),
    // Processes that wait for the servers get an error. If this fails, the lazy unmount still ends the mount, with the
    // last of its processes.
    sever: async () => {
      const argv = ['umount', '--force', point]
      await run(host, { argv, failed: `cannot end ${point}`, fix: 'none', timeout: 30_000 }).catch(() => {})
      await unmountLazily(host, point)
    },
  }
}

const secretIn = ({ folder }: ClientMount): string => join(folder, 'secret')

/**
 * The command line. The key is in a file, because everybody can read command lines. `noshare` gives the mount a client of
 * its own: its cache ends with it, and no other mount of the file system fills it.
 */
export function kernelMountCommand(access: Access, mount: ClientMount, kernel = release()): string[] {
  const { user, filesystem } = access
  const options = [
    `name=${user}`,
    `secretfile=${secretIn(mount)}`,
    `conf=${join(mount.folder, 'ceph.conf')}`,
    ...(filesystem === undefined ? [] : [`fs=${filesystem}`]),
    'noshare',
    // Without it the kernel uses the first protocol only, and a cluster may not listen for that.
    ...(knowsSecondProtocol(kernel) ? ['ms_mode=prefer-crc'] : []),
  ]
  return ['mount', '-t', 'ceph', `:${mount.path}`, mount.point, '-o', options.join(',')]
}

function knowsSecondProtocol(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map(Number)
  return major > 5 || (major === 5 && minor >= 11)
}

/** The error for a user who chose the kernel's client. */
export const kernelRefusal = (found: string): CriuBenchError =>
  new CriuBenchError({
    failed: "cannot mount CephFS by the kernel's client",
    found,
    expected: `ceph in /proc/filesystems, and ${HELPER}`,
    fix: "use a kernel with CONFIG_CEPH_FS, and apt-get install ceph-common; or set ceph: { client: 'fuse' }, or VITEST_CRIU_CEPH_CLIENT=fuse",
  })
