import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { CriuBenchError } from '../errors.ts'
import { ownCommand } from '../installation/own-command.ts'
import { hostPath, type Host } from '../host/host.ts'

/** Data about the dump that a step stores in the rootfs for the next step. */
const Manifest = z.strictObject({
  handler: z.string(),
  /** Bytes. */
  size: z.int().positive(),
  /** Checksum from before the dump. */
  checksum: z.string(),
})
export type Manifest = z.infer<typeof Manifest>

const fileOf = (host: Host, rootfs: string): string => hostPath(host, join(rootfs, '.checkpoint.json'))

export async function writeManifest(host: Host, rootfs: string, manifest: Manifest): Promise<void> {
  await writeFile(fileOf(host, rootfs), `${JSON.stringify(manifest)}\n`)
}

/** Reads the manifest of a rootfs. Throws CriuBenchError if nothing was dumped yet. */
export async function readManifest(host: Host, rootfs: string): Promise<Manifest> {
  const text = await readFile(fileOf(host, rootfs), 'utf8').catch((cause: unknown) => {
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
