import { statfs } from 'node:fs/promises'
import { CriuBenchError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { run } from '../process/process.ts'
import { describeBytes, MB, type Bytes } from '../units.ts'
import type { Filesystem, MountedFilesystem } from './filesystem.ts'
import { freeOn, unmount } from './mount-point.ts'

/** ext4 on a loop device over a file on disk: needs neither memory nor Ceph. */
export const ext4: Filesystem = {
  name: 'ext4',
  summary: 'ext4 on a loop device over a file on disk',
  inMemory: () => false,
  missing: () => undefined,
  mount,
}

/** The folder of the device's file. It is on disk; /tmp is a tmpfs on many machines. */
const FOLDER = '/var/tmp'
/** Journal and inode tables, in addition to the requested room. */
const OVERHEAD: Bytes = 128 * MB

// The file is unlinked before anything is written, and mount(8) detaches the device with its last mount: the end of the
// mount namespace frees both. Inode tables and journal are written now; otherwise the kernel would write them while a
// suite is measured. Direct I/O, where FOLDER supports it, avoids a second page cache below the device.
const SCRIPT = `
image=$(mktemp "$1/vitest-criu-XXXXXX"); exec 3<>"$image"; rm "$image"
truncate --size "$2" /proc/self/fd/3
mkfs.ext4 -q -F -b 4096 -m 0 -E lazy_itable_init=0,lazy_journal_init=0 /proc/self/fd/3
mount -t ext4 -o loop /proc/self/fd/3 "$3"
device=$(findmnt --noheadings --output SOURCE --mountpoint "$3")
losetup --direct-io=on "$device" 2>/dev/null || true
rmdir "$3/lost+found"
echo "$device"
`

async function mount(host: Host, point: string, room: Bytes): Promise<MountedFilesystem> {
  const size = room + OVERHEAD
  await checkDisk(size)
  const { stdout } = await run(host, {
    argv: ['sh', '-ec', SCRIPT, 'sh', FOLDER, String(size), point],
    failed: `cannot mount ext4 on ${point}`,
    fix: 'run as root with CAP_SYS_ADMIN, with /dev/loop-control; apt-get install e2fsprogs',
    timeout: 60_000,
  })
  return {
    name: 'ext4',
    point,
    description: `ext4 on ${stdout.trim()}, a file of ${describeBytes(size)} in ${FOLDER}`,
    free: () => freeOn(host, point),
    dropCache: () => dropCache(host, point),
    lost: async () => host.lost?.(),
    [Symbol.asyncDispose]: () => unmount(host, point),
  }
}

/** dd with count=0 makes the kernel drop a file's pages; dirty pages are written back before, or they would stay. */
async function dropCache(host: Host, point: string): Promise<void> {
  const script =
    'sync --file-system "$1"; find "$1" -xdev -type f -exec dd if={} iflag=nocache count=0 status=none \\;'
  await run(host, {
    argv: ['sh', '-ec', script, 'sh', point],
    failed: `cannot drop the cache of ${point}`,
    fix: 'measure with a warm cache: remove the option cold',
    timeout: 120_000,
  })
}

async function checkDisk(size: Bytes): Promise<void> {
  const { bavail, bsize } = await statfs(FOLDER)
  if (bavail * bsize >= size) return
  throw new CriuBenchError({
    failed: `cannot make a file of ${describeBytes(size)} for ext4`,
    found: `${describeBytes(bavail * bsize)} free in ${FOLDER}`,
    expected: `${describeBytes(size)} free`,
    fix: 'free some disk space, or leave out the largest sizes: VITEST_CRIU_SIZES=1MB,4MB',
  })
}
