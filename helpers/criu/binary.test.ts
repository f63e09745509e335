import { copyFile, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT, outcomeOf } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { steady } from '../testing/messages.ts'
import { findCriu } from './binary.ts'

/** Simulates a machine with an empty cache and without CRIU, in a private mount namespace. */
const WITHOUT_CRIU = `
mount -t tmpfs none /var/cache/vitest-criu
for criu in $(which -a criu); do mount --bind /bin/false "$criu"; done
exec "$@"`

const FIND = `
import { findCriu } from './helpers/criu/binary.ts'
await findCriu((line) => console.log(line)).catch((error) => console.error(error.message))`

test('findCriu fails without CRIU and without a network, and names the fix', async () => {
  // prettier-ignore
  const argv = ['unshare', '--mount', 'sh', '-ec', WITHOUT_CRIU, 'sh',
    process.execPath, '--input-type=module', '--eval', FIND]
  const { stderr, stdout } = await expectNothingLeft(() =>
    outcomeOf(argv, { DEBIAN_MIRROR: 'http://127.0.0.1:9/debian' }),
  )
  expect(stdout).toContain('building a static criu')
  expect(steady(stderr, [process.execPath, 'node'], [PROJECT, ''])).toMatchInlineSnapshot(`
    "cannot build CRIU from the source of a newer Debian release
      found:    node exited with 1
      expected: exit status 0
      fix:      install a criu of 4.1.1 or later that passes \`criu check\`, or name a base image that has one: export BASE_IMAGE=/path/to/rootfs.tar; to build one here, with network access: apt-get install gcc libc6-dev musl-tools make binutils pkg-config xz-utils debian-archive-keyring protobuf-c-compiler protobuf-compiler python3-protobuf libprotobuf-c-dev libprotobuf-dev libnl-3-dev libcap-dev libbsd-dev libmd-dev libnet1-dev uuid-dev libaio-dev
      log:      E: Failed to fetch http://127.0.0.1:9/debian/dists/trixie/InRelease  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)
                the whole output: /var/cache/vitest-criu/build-criu.log
    "
  `)
})

test('a CRIU that is built here does not pay for the start of glibc, which asks the processor for its caches', async ({
  skip,
}) => {
  if ((await outcomeOf(['which', 'musl-gcc'])).status !== 0) skip('musl-gcc is not installed')
  const { path, origin } = await findCriu()
  if (origin !== 'built') skip(`${path} was not built here`)
  // Every program that is linked statically with glibc reads this variable.
  expect((await readFile(path)).includes('GLIBC_TUNABLES')).toBe(false)
})

/**
 * Makes a mirror with the source of CRIU in the suite forky, whose Release file is past its date, as on a mirror that is a
 * snapshot. It is signed by a new key, in `keyring.gpg`.
 */
const MIRROR = `
cd "$1"; mkdir -p pool dists/forky/main/source gnupg criu-9; chmod 700 gnupg; export GNUPGHOME=$1/gnupg
echo source > criu-9/README; tar -czf pool/criu_9.orig.tar.gz criu-9; echo none > pool/criu_9-1.dsc
{
  printf 'Package: criu\\nBinary: criu\\nVersion: 9-1\\nArchitecture: any\\nFormat: 3.0 (quilt)\\nDirectory: pool\\nChecksums-Sha256:\\n'
  for file in criu_9.orig.tar.gz criu_9-1.dsc; do
    echo " $(sha256sum < pool/$file | cut -d ' ' -f 1) $(stat -c %s pool/$file) $file"
  done
} > dists/forky/main/source/Sources
{
  printf 'Origin: Debian\\nCodename: forky\\nComponents: main\\n'
  printf 'Date: Wed, 01 Jan 2020 00:00:00 UTC\\nValid-Until: Wed, 08 Jan 2020 00:00:00 UTC\\nSHA256:\\n'
  cd dists/forky; for file in main/source/Sources; do
    echo " $(sha256sum < $file | cut -d ' ' -f 1) $(stat -c %s $file) $file"
  done; cd ../..
} > Release
gpg --batch --quiet --passphrase '' --quick-generate-key test@localhost ed25519
gpg --batch --quiet --clearsign --output dists/forky/InRelease Release
gpg --export > keyring.gpg; gpgconf --kill all`

/** In place of the compiler: what would pkg-config find on a machine that has everything installed? */
const MAKE = `#!/bin/sh
for word; do case $word in PKG_CONFIG=*) pkg_config=\${word#*=} ;; esac; done
for library in libnftables libselinux libbpf libdrm gnutls; do "$pkg_config" --exists "$library" && echo "found $library"; done
"$pkg_config" --exists libprotobuf-c || echo "no libprotobuf-c"
echo "make: with the $(cat README)"
echo "crtools.c:9: error: one of many
make: *** error 2" >&2
exit 2
`

/** Without the machine's own settings of apt, which may have no dates checked at all. */
const WITH_MIRROR = `
mount -t tmpfs none /var/cache/vitest-criu && mount -t tmpfs none /etc/apt/apt.conf.d &&
mount --bind $1/keyring.gpg /usr/share/keyrings/debian-archive-keyring.gpg && shift && "$@"
cat /var/cache/vitest-criu/build-criu.log`

test('a build takes the newest suite from a mirror whose signed Release file is past its date, finds no library that a static CRIU cannot have, and names its first error', async ({
  skip,
}) => {
  if ((await outcomeOf(['which', 'gpg'])).status !== 0) skip('gpg is not installed to sign a mirror')
  await using folder = await temporaryFolder()
  const made = await outcomeOf(['sh', '-ec', MIRROR, 'sh', folder.path])
  expect(made.stderr).not.toContain('error')
  await writeFile(join(folder.path, 'make'), MAKE, { mode: 0o755 })
  for (const library of ['libnftables', 'libselinux', 'libbpf', 'libdrm', 'gnutls', 'libprotobuf-c'])
    await writeFile(join(folder.path, `${library}.pc`), `Name: ${library}\nDescription: none\nVersion: 1\n`)
  const recipe = join(PROJECT, 'fixtures/base-image/build-criu.ts')
  // prettier-ignore
  const argv = ['unshare', '--mount', 'sh', '-c', WITH_MIRROR, 'sh', folder.path, process.execPath, recipe, '/var/cache/vitest-criu/criu/criu']
  const { stderr, stdout } = await expectNothingLeft(() =>
    outcomeOf(argv, {
      DEBIAN_MIRROR: `file:${folder.path}`,
      PATH: `${folder.path}:${process.env['PATH']}`,
      PKG_CONFIG_PATH: folder.path,
    }),
  )
  expect(stdout).toContain('fetching the source from the suite forky')
  expect(stdout).not.toContain('cannot use the suite forky')
  expect(stdout).toContain('make: with the source')
  expect(stdout).not.toMatch(/found lib|found gnutls|no libprotobuf-c/)
  expect(stderr).toBe(
    'crtools.c:9: error: one of many\nthe whole output: /var/cache/vitest-criu/build-criu.log\n',
  )
}, 60_000)

test("findCriu uses the machine's own CRIU if none can be built and it passes `criu check`", async () => {
  await using folder = await temporaryFolder()
  const own = join(folder.path, 'criu')
  await copyFile((await findCriu()).path, own)
  const script = 'mount -t tmpfs none /var/cache/vitest-criu; exec "$@"'
  const show = `import { findCriu } from './helpers/criu/binary.ts'; console.log(JSON.stringify(await findCriu()))`
  // prettier-ignore
  const argv = ['unshare', '--mount', 'sh', '-ec', script, 'sh',
    process.execPath, '--input-type=module', '--eval', show]
  const { stdout } = await outcomeOf(argv, {
    DEBIAN_MIRROR: 'http://127.0.0.1:9/debian',
    PATH: `${folder.path}:${process.env['PATH']}`,
  })
  expect(JSON.parse(stdout)).toMatchObject({ path: own, origin: 'host' })
})

test('findCriu fetches nothing if build programs are missing, and names them', async () => {
  await using folder = await temporaryFolder()
  for (const program of ['setpriv', 'sh', 'apt-get', 'gcc', 'pkg-config', 'xz', 'protoc-c'])
    await symlink(
      (await outcomeOf(['sh', '-c', `command -v ${program}`])).stdout.trim(),
      join(folder.path, program),
    )
  const script = 'mount -t tmpfs none /var/cache/vitest-criu; PATH=$1; shift; exec "$@"'
  // prettier-ignore
  const argv = ['unshare', '--mount', 'sh', '-ec', script, 'sh', folder.path,
    process.execPath, '--input-type=module', '--eval', FIND]
  const { stderr, stdout } = await outcomeOf(argv)
  expect(stdout).toBe('')
  expect(stderr).toMatchInlineSnapshot(`
    "cannot build CRIU
      found:    missing programs: make, protoc
      expected: the programs that the build of CRIU needs
      fix:      install a criu of 4.1.1 or later that passes \`criu check\`, or name a base image that has one: export BASE_IMAGE=/path/to/rootfs.tar; to build one here, with network access: apt-get install gcc libc6-dev musl-tools make binutils pkg-config xz-utils debian-archive-keyring protobuf-c-compiler protobuf-compiler python3-protobuf libprotobuf-c-dev libprotobuf-dev libnl-3-dev libcap-dev libbsd-dev libmd-dev libnet1-dev uuid-dev libaio-dev
    "
  `)
})
