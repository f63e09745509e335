/** CRIU without a container. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { restoreCommand } from '../../helpers/criu/restore.ts'
import { hostPath } from '../../helpers/host/host.ts'
import { runIn } from '../site.ts'
import type { Peer } from './peer.ts'
import { layOut, untilReady } from './process.ts'
import { restoreOf } from './sample.ts'

export const criuAlone: Peer = {
  name: 'CRIU alone',
  isolation: 'none',
  needs: {},
  async restore(site, restored) {
    const images = join(site.folder, 'criu-images')
    await mkdir(hostPath(site.sandbox, images))
    await layOut(site, '0')
    const started = await runIn(site, ['sh', '-c', 'setsid "$@" </dev/null >/dev/null 2>&1 & echo $!', 'sh', ...restored.command]) // prettier-ignore
    await untilReady(site)
    await runIn(site, [site.criu, 'dump', '--tree', started.stdout.trim(), '--images-dir', images, '--no-default-config', '--manage-cgroups=ignore']) // prettier-ignore
    return restoreOf(site, restored, restoreCommand({ criu: [site.criu] }, images, images))
  },
}
