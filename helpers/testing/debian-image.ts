import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { CACHE } from '../installation/paths.ts'
import { makeViaDraft } from '../programs/draft.ts'
import { missingPrograms } from '../programs/installed.ts'

/** Why these tests cannot make an image of a Debian release; undefined if they can. */
export const noDebianImages = (): string | undefined =>
  missingPrograms(['mmdebstrap']).length === 0 ? undefined : 'no mmdebstrap here: apt-get install mmdebstrap'

/**
 * The tarball of a root file system of a Debian release, with its criu unless `packages` says otherwise. It is made once
 * and cached. A mirror that is a snapshot is past its date; the signature is checked all the same.
 */
export async function debianImage(
  suite: string,
  variant = 'minbase',
  packages: readonly string[] = ['criu'],
): Promise<string> {
  const tar = join(CACHE, `test-image-${[suite, variant, ...packages].join('-')}.tar`)
  if (existsSync(tar)) return tar
  const dates = ['--aptopt=Acquire::Check-Valid-Until "false"']
  await makeViaDraft(tar, async (draft) => {
    const argv = [...dates, `--variant=${variant}`, ...packages.map((name) => `--include=${name}`), '--format=tar', '--quiet', suite, draft, await mirrorLine(suite)] // prettier-ignore
    await execa('mmdebstrap', argv, { timeout: 300_000 })
  })
  return tar
}

/** The one line of sources, because a release without updates yet has no others. */
async function mirrorLine(suite: string): Promise<string> {
  const format = ['--format', '$(REPO_URI) $(ORIGIN)', 'Created-By: Packages']
  const { stdout } = await execa('apt-get', ['indextargets', ...format])
  const mirror = stdout
    .split('\n')
    .find((line) => line.endsWith(' Debian'))
    ?.split(' ')[0]
  const named = process.env['DEBIAN_MIRROR'] ?? mirror
  if (named === undefined) throw new Error('this machine has no Debian apt source: export DEBIAN_MIRROR=URL')
  return `deb ${named} ${suite} main`
}
