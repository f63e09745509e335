import { expect, test } from 'vitest'
import { localHost } from '../../host/host.ts'
import { messageOf } from '../../testing/messages.ts'
import { mountClient } from './client.ts'
import { kernelMountCommand, noKernelClient } from './kernel.ts'

const access = { conf: '', keyring: '[client.bob]\n\tkey = secret\n', user: 'bob', filesystem: 'home' }
const mount = { folder: '/run/own', path: '/bench', point: '/mnt' }

test('the kernel client gets its key from a file, and shares its cache with no other mount', () => {
  const command = kernelMountCommand(access, mount, '6.1.0-13-amd64').join(' ')
  expect(command).toBe(
    'mount -t ceph :/bench /mnt -o ' +
      'name=bob,secretfile=/run/own/secret,conf=/run/own/ceph.conf,fs=home,noshare,ms_mode=prefer-crc',
  )
  expect(command).not.toContain('key')
})

test('the second protocol is not requested from a kernel that does not have it', () => {
  expect(kernelMountCommand(access, mount, '5.10.0').at(-1)).not.toContain('ms_mode')
})

test('choosing the kernel client on a kernel without it is an error with the fix', async ({ skip }) => {
  skip((await noKernelClient()) === undefined, 'this kernel has a client for CephFS')
  expect(await messageOf(() => mountClient(localHost, access, '/', '/mnt', 'kernel'))).toMatchInlineSnapshot(`
    "cannot mount CephFS by the kernel's client
      found:    this kernel has no client for it
      expected: ceph in /proc/filesystems, and mount.ceph
      fix:      use a kernel with CONFIG_CEPH_FS, and apt-get install ceph-common; or set ceph: { client: 'fuse' }, or VITEST_CRIU_CEPH_CLIENT=fuse"
  `)
})
