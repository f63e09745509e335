import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { decodeImage } from './decode.ts'
import { asImage } from './image.ts'
import type { EntryOf, FramedImage, ImageOf } from './image.ts'
import { isRawImage } from './magic.ts'
import type { ImageType } from './magic.ts'

/** The images of one dump, except the contents of images without a head (memory pages, archives). */
export interface ImageSet {
  readonly folder: string
  /** Decoded images by file name. */
  readonly images: ReadonlyMap<string, FramedImage>
  /** Size in bytes of each image without a head, by file name. */
  readonly raw: ReadonlyMap<string, number>
  /** Names of all other files in the folder: logs, the link to the parent dump, … */
  readonly others: readonly string[]
}

/** Reads a dump folder. Throws a CriuBenchError if it cannot be read or an image in it is invalid. */
export async function readImageSet(folder: string): Promise<ImageSet> {
  const images = new Map<string, FramedImage>()
  const raw = new Map<string, number>()
  const others: string[] = []
  const files = await readingOf(folder, readdir(folder))
  for (const file of files.toSorted()) {
    const path = join(folder, file)
    if (isRawImage(file)) {
      raw.set(file, (await readingOf(path, stat(path))).size)
    } else if (isImage(file)) {
      const image = decodeImage(await readingOf(path, contentOf(path)), path)
      if (image.type !== 'RAW') images.set(file, image)
    } else {
      others.push(file)
    }
  }
  return { folder, images, raw, others }
}

/** Opening a FIFO would wait for its writer, without a limit. */
async function contentOf(path: string): Promise<Uint8Array> {
  if (!(await stat(path)).isFile()) throw new Error('not a regular file')
  return readFile(path)
}

function isImage(file: string): boolean {
  return /\.img$|^stats-(dump|restore)$|^irmap-cache$/.test(file)
}

function readingOf<T>(path: string, reading: Promise<T>): Promise<T> {
  return reading.catch((cause: Error) => {
    throw new CriuBenchError(
      {
        failed: `cannot read CRIU images from ${path}`,
        found: cause.message,
        expected: 'a folder that criu dump wrote',
        fix: 'check the path and its permissions, or dump again',
      },
      { cause },
    )
  })
}

/** The error for a set with which CRIU would fail or hang. */
export function invalidSet(set: ImageSet, found: string, expected: string): CriuBenchError {
  return new CriuBenchError({
    failed: `cannot use the CRIU images in ${set.folder}`,
    found,
    expected,
    fix: 'copy the whole folder again from the dump, or dump again',
  })
}

/**
 * Returns the image in `file`. Throws a CriuBenchError if it is missing or not of type T; `subject` says what it
 * describes.
 */
export function imageIn<T extends ImageType>(
  set: ImageSet,
  type: T,
  file: string,
  subject: string,
): ImageOf<T> {
  const image = set.images.get(file)
  if (!image) throw invalidSet(set, `no ${file}`, `${file}, which describes ${subject}`)
  return asImage(image, type)
}

/** Returns the only entry of an image that has exactly one. Arguments and errors are those of imageIn. */
export function entryIn<T extends ImageType>(
  set: ImageSet,
  type: T,
  file: string,
  subject: string,
): EntryOf<T> {
  const [first] = imageIn(set, type, file, subject).entries
  if (!first) throw invalidSet(set, `${file} without an entry`, `one entry, which describes ${subject}`)
  return first.message
}
