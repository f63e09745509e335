import { readFile, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { CriuBenchError } from '../errors.ts'
import { ownCommand } from '../installation/own-command.ts'
import type { Host } from '../host/host.ts'
import { hostPathInside } from '../host/inside.ts'

/** Data about the dump that a step stores in the rootfs for the next step. */
const Manifest = z.strictObject({
  handler: z.string(),
  /** Bytes. */
  size: z.int().positive(),
  /** Checksum from before the dump. */
  checksum: z.string(),
})
export type Manifest = z.infer<typeof Manifest>

const fileOf = (host: Host, rootfs: string): Promise<string> =>
  hostPathInside(host, rootfs, '.checkpoint.json')

export async function writeManifest(host: Host, rootfs: string, manifest: Manifest): Promise<void> {
  await writeFile(await fileOf(host, rootfs), `${JSON.stringify(manifest)}\n`)
}

/** Reads the manifest of a rootfs. Throws CriuBenchError if nothing was dumped yet. */
export async function readManifest(host: Host, rootfs: string): Promise<Manifest> {
  const text = await readFile(await fileOf(host, rootfs), 'utf8').catch((cause: unknown) => {
    throw new CriuBenchError(
      {
        failed: `cannot continue with ${rootfs}`,
        found: 'a rootfs without a dump',
        expected: 'a rootfs after the steps mount, rootfs and dump',
        fix: [ownCommand('mount'), ownCommand('rootfs'), ownCommand('dump', '16777216')].join(' && '),
      },
      { cause },
    )
  })
  return Manifest.parse(JSON.parse(text))
}
