import { readFile, rm, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import { CriuBenchError } from '../errors.ts'
import { ownCommand } from '../installation/own-command.ts'
import type { Host } from '../host/host.ts'
import { hostPathInside } from '../host/inside.ts'
import { formatSize } from '../units.ts'

const paths = z.array(z.string()).readonly()

/** Data about the dump that a step stores in the rootfs for the next steps. */
const Dumped = z.strictObject({
  handler: z.string(),
  /** Bytes. */
  size: z.int().positive(),
  /** Checksum from before the dump. */
  checksum: z.string(),
  /** What the handler had opened before the dump. */
  opened: z.strictObject({ files: paths, written: paths, folders: paths }),
  /** The pid of the dumped process, and so of the restored ones. */
  pid: z.int().positive(),
  dumpedAt: z.iso.datetime(),
})
export type Dumped = z.infer<typeof Dumped>

/** The dump that the images in the rootfs were copied from. */
const Copied = z.strictObject({
  dumped: Dumped,
  /** The strategies that are prepared. */
  strategies: z.array(z.string()),
})
export type Copied = z.infer<typeof Copied>

const DUMPED = '.checkpoint.json'
const COPIED = '.copied.json'

const fileOf = (host: Host, rootfs: string, name: string): Promise<string> =>
  hostPathInside(host, rootfs, name)

const write = async (host: Host, rootfs: string, name: string, content: Dumped | Copied): Promise<void> =>
  writeFile(await fileOf(host, rootfs, name), `${JSON.stringify(content)}\n`)

export const writeDumped = (host: Host, rootfs: string, dumped: Dumped): Promise<void> =>
  write(host, rootfs, DUMPED, dumped)

export const writeCopied = (host: Host, rootfs: string, copied: Copied): Promise<void> =>
  write(host, rootfs, COPIED, copied)

/** Called before a step changes what its manifest describes: a step that is interrupted leaves none. */
export const forgetDumped = async (host: Host, rootfs: string): Promise<void> =>
  rm(await fileOf(host, rootfs, DUMPED), { force: true })

export const forgetCopied = async (host: Host, rootfs: string): Promise<void> =>
  rm(await fileOf(host, rootfs, COPIED), { force: true })

/** Reads what was dumped. Throws CriuBenchError if nothing was dumped yet. */
export async function readDumped(host: Host, rootfs: string): Promise<Dumped> {
  const text = await readFile(await fileOf(host, rootfs, DUMPED), 'utf8').catch((cause: unknown) => {
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
  return Dumped.parse(JSON.parse(text))
}

/** Reads what was copied. Throws CriuBenchError if nothing was, or if it is not the last dump. */
export async function readCopied(host: Host, rootfs: string): Promise<Copied> {
  const last = await readDumped(host, rootfs)
  const refuse = (found: string, expected: string, cause?: unknown): never => {
    const fix = ownCommand('copy')
    throw new CriuBenchError({ failed: `cannot restore on ${rootfs}`, found, expected, fix }, { cause })
  }
  const text = await readFile(await fileOf(host, rootfs, COPIED), 'utf8').catch((cause: unknown) =>
    refuse('a rootfs without copied images', 'a rootfs after the step copy', cause),
  )
  const copied = Copied.parse(JSON.parse(text))
  if (copied.dumped.dumpedAt !== last.dumpedAt) {
    const found = `images of an earlier dump, ${described(copied.dumped)}; the last one is ${described(last)}`
    refuse(found, 'images that were copied after the last dump')
  }
  return copied
}

const described = ({ handler, size, dumpedAt }: Dumped): string =>
  `${handler} ${formatSize(size)} of ${dumpedAt}`
