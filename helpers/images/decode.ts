import type { Message } from '@bufbuild/protobuf'
import { basename } from 'node:path'
import { CriuBenchError, reasonOf } from '../errors.ts'
import { readU32 } from './extra.ts'
import type { CriuImage, Entry, FramedImage } from './image.ts'
import { headMagic, imageLayouts, imageTypeOf, isRawImage } from './magic.ts'
import type { ImageLayout, ImageType } from './magic.ts'
import { decodeMessage } from './wire.ts'

/** More entries than any image of a dump has. A file of zeros would have one for every four bytes. */
const MOST_ENTRIES = 1_000_000

type Shape = ImageLayout['schema']

/**
 * Decodes an image. `path` is not read; its file name identifies images without a head. Throws a CriuBenchError with
 * path, type and offset in bytes if CRIU cannot have written these bytes.
 */
export function decodeImage(bytes: Uint8Array, path: string): CriuImage {
  const file = basename(path)
  return isRawImage(file) ? { file, type: 'RAW', bytes } : new Decoder(bytes, path).image()
}

/** Reads an image from start to end. Error messages have the current `offset`. */
class Decoder {
  private readonly bytes: Uint8Array
  private readonly path: string
  private offset = 0
  private type: ImageType | undefined

  constructor(bytes: Uint8Array, path: string) {
    this.bytes = bytes
    this.path = path
  }

  image(): FramedImage {
    const type = this.head()
    const layout: ImageLayout = imageLayouts[type]
    const first = layout.first && this.entry(layout, layout.first)
    const entries: Entry<Message | Uint8Array>[] = []
    const only = `exactly one ${layout.schema?.name ?? 'entry'}`
    while (this.offset < this.bytes.length) {
      if (layout.single && entries.length === 1) throw this.error('a second entry', only)
      if (entries.length === MOST_ENTRIES)
        throw this.error(`more than ${MOST_ENTRIES} entries`, 'an image of a dump')
      entries.push(this.entry(layout, layout.schema))
    }
    if (layout.single && entries.length === 0) throw this.error('no entry', only)
    // The layout ties the messages to the type, which TypeScript cannot express.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return { file: basename(this.path), type, first, entries } as FramedImage
  }

  private head(): ImageType {
    if (this.bytes.length === 0) throw this.error('an empty file', 'an image that starts with a magic number')
    const start = this.u32('a magic number of 4 bytes')
    const inventory = imageTypeOf(start) === 'INVENTORY'
    if (!inventory && start !== headMagic.common && start !== headMagic.service) {
      throw this.error(
        `a file that starts with the bytes ${startOf(this.bytes)}`,
        'the magic number of a CRIU image',
        -4,
      )
    }
    const magic = inventory ? start : this.u32('the magic number of an image type')
    const type = imageTypeOf(magic)
    if (!type)
      throw this.error(`the unknown magic number ${hex(magic)}`, 'an image type that magic.ts lists', -4)
    const head = inventory ? undefined : start
    if (headMagic[imageLayouts[type].head] !== head) {
      throw this.error(
        `the magic number of ${type} after the head of another kind of image`,
        `the head of an image of type ${type}`,
        -4,
      )
    }
    this.type = type
    return type
  }

  private entry(layout: ImageLayout, schema: Shape): Entry<Message | Uint8Array> {
    const name = schema?.name ?? 'entry'
    const length = this.u32(`the length of the next ${name}, 4 bytes`)
    const start = this.offset
    const bytes = this.take(length, `${length} bytes of ${name}`)
    const rest = this.bytes.subarray(this.offset)
    try {
      const message = schema ? decodeMessage(schema, bytes) : bytes
      const extra = layout.extra(message, rest)
      return { message, extra: this.take(extra, `${extra} bytes of payload after the ${name}`) }
    } catch (cause) {
      if (cause instanceof CriuBenchError) throw cause
      this.offset = start
      throw this.error(
        `${length} bytes that do not encode ${name}: ${reasonOf(cause)}`,
        `an encoded ${name}`,
        0,
        cause,
      )
    }
  }

  private u32(what: string): number {
    const start = this.offset
    this.take(4, what)
    return readU32(this.bytes, start)
  }

  private take(length: number, what: string): Uint8Array {
    const left = this.bytes.length - this.offset
    if (length > left) throw this.error(`only ${left} bytes before the end of the file`, what)
    this.offset += length
    return this.bytes.subarray(this.offset - length, this.offset)
  }

  private error(found: string, expected: string, back = 0, cause?: unknown): CriuBenchError {
    const type = this.type ? ` (${this.type})` : ''
    return new CriuBenchError(
      {
        failed: `cannot decode ${this.path}${type} at byte ${this.offset + back}`,
        found,
        expected,
        fix: 'copy the image again from the dump, or dump again',
      },
      { cause },
    )
  }
}

function startOf(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join(' ')
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`
}
