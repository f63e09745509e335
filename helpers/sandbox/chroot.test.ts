import { describe, expect, test } from 'vitest'
import { BENCH, CLI, outcomeOf, PROJECT, type Ended } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'

/** Makes a root with everything that this machine's has, and enters it in the way that $1 names. */
const ROOTED = `
mount -t tmpfs none /mnt
root=/mnt/root way=$1; shift
mkdir "$root"
[ "$way" = plain ] || mount --bind "$root" "$root"
for each in /*; do
  if [ -L "$each" ]; then cp -a "$each" "$root$each"; continue; fi
  [ "$each" = /mnt ] || [ ! -d "$each" ] || { mkdir "$root$each"; mount --rbind "$each" "$root$each"; }
done
[ "$way" = pivot ] || exec chroot "$root" sh -ec 'cd "$0"; exec "$@"' "$@"
mkdir -p "$root/.old"
cd "$root"; pivot_root . .old; umount --lazy .old
exec sh -ec 'cd "$0"; exec "$@"' "$@"`

async function inRoot(way: 'plain' | 'bound' | 'pivot', argv: readonly string[]): Promise<Ended> {
  await using folder = await temporaryFolder()
  return await outcomeOf(['unshare', '--mount', 'sh', '-ec', ROOTED, 'sh', way, PROJECT, ...argv], {
    MEMORY_SIZE: '1MB',
    VITEST_CRIU_OUTPUT: folder.path,
    VITEST_CRIU_ITERATIONS: '1',
  })
}

const IN_CHROOT = 'a process whose root directory was entered by chroot'

describe('in a root directory that was entered by chroot', { timeout: 60_000 }, () => {
  test.each(['plain', 'bound'] as const)(
    'the doctor and a run say so before anything else (%s)',
    async (way) => {
      const [doctor, run] = await expectNothingLeft(() =>
        Promise.all([inRoot(way, [...CLI, 'doctor']), inRoot(way, [...BENCH, 'bench/restore.bench.ts'])]),
      )
      expect(doctor.status).toBe(1)
      expect(doctor.stdout).toMatch(
        new RegExp(`^MISSING namespaces: ${IN_CHROOT}\n +fix: enter it by pivot_root`, 'm'),
      )
      expect(run.status).toBe(1)
      expect(run.stderr).toContain(`found:    ${IN_CHROOT}`)
      expect(run.stderr).not.toContain('mounting')
    },
  )

  test('nothing is wrong once it is entered by pivot_root instead', async () => {
    const doctor = await expectNothingLeft(() => inRoot('pivot', [...CLI, 'doctor']))
    expect(doctor.stdout).toMatch(/^ok {6}namespaces: /m)
  })
})
