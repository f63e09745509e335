import type { Message } from '@bufbuild/protobuf'
import { CriuBenchError, reasonOf } from '../errors.ts'
import { headMagic, imageLayouts } from './magic.ts'
import type { EntryShape, ImageLayout, ImageType } from './magic.ts'
import { encodeMessage } from './wire.ts'

/** One length-prefixed message of an image, with the payload that follows it. */
export interface Entry<M> {
  readonly message: M
  readonly extra: Uint8Array
}

type Layouts = typeof imageLayouts
type First<T extends ImageType> = Layouts[T]['first'] extends undefined
  ? undefined
  : Entry<EntryShape<Layouts[T]['first']>>

/** The decoded message of an image type: `EntryOf<'MM'>` is MmEntry. Types without a schema have bytes. */
export type EntryOf<T extends ImageType> = EntryShape<Layouts[T]['schema']>

/** An image of type T. `first` is the entry with which pagemap and ghost-file images start. */
export interface ImageOf<T extends ImageType> {
  /** File name without folder, such as mm-12.img. */
  readonly file: string
  readonly type: T
  readonly first: First<T>
  readonly entries: readonly Entry<EntryOf<T>>[]
}

/** An image without a head. Its bytes are not decoded. */
export interface RawImage {
  readonly file: string
  readonly type: 'RAW'
  readonly bytes: Uint8Array
}

/** An image with a head. The check `image.type === 'MM'` narrows this union. */
export type FramedImage = { [T in ImageType]: ImageOf<T> }[ImageType]
export type CriuImage = FramedImage | RawImage

const nothing = new Uint8Array()

/** Makes an entry of an image. */
export function entry<M>(message: M, extra: Uint8Array = nothing): Entry<M> {
  return { message, extra }
}

/** Narrows an image to type T. Throws a CriuBenchError if it has another type. */
export function asImage<T extends ImageType>(image: CriuImage, type: T): ImageOf<T> {
  if (isImage(image, type)) return image
  throw new CriuBenchError({
    failed: `cannot use ${image.file} as an image of type ${type}`,
    found: `an image of type ${image.type}`,
    expected: `an image of type ${type}`,
    fix: 'check that no image was renamed or copied over another',
  })
}

function isImage<T extends ImageType>(image: CriuImage, type: T): image is Extract<ImageOf<T>, CriuImage> {
  return image.type === type
}

/** The messages of an image in file order, without `first`. Throws a CriuBenchError if it is not of type T. */
export function entriesOf<T extends ImageType>(image: CriuImage, type: T): EntryOf<T>[] {
  return asImage(image, type).entries.map(({ message }) => message)
}

/** Encodes an image. An unchanged image gets the bytes that CRIU wrote. Throws a CriuBenchError if it is invalid. */
export function encodeImage(image: CriuImage): Uint8Array {
  if (image.type === 'RAW') return image.bytes
  const layout: ImageLayout = imageLayouts[image.type]
  const head = [headMagic[layout.head], layout.magic].filter((magic) => magic !== undefined)
  const first = image.first ? encodeEntry(image, layout.first, image.first) : []
  const rest = image.entries.flatMap((each) => encodeEntry(image, layout.schema, each))
  return Buffer.concat([...head.map(u32), ...first, ...rest])
}

function encodeEntry(
  image: FramedImage,
  schema: ImageLayout['schema'],
  { message, extra }: Entry<Message | Uint8Array>,
): Uint8Array[] {
  const bytes = message instanceof Uint8Array ? message : encodeOrExplain(image, schema, message)
  return [u32(bytes.length), bytes, extra]
}

function encodeOrExplain(image: FramedImage, schema: ImageLayout['schema'], message: Message): Uint8Array {
  try {
    if (!schema) throw new Error(`entries of type ${image.type} are plain bytes`)
    return encodeMessage(schema, message)
  } catch (cause) {
    throw new CriuBenchError(
      {
        failed: `cannot encode an entry of ${image.file} (${image.type})`,
        found: reasonOf(cause),
        expected: `a complete ${schema?.name ?? 'Uint8Array'}`,
        fix: 'set every field of the entry that criu.proto marks as required',
      },
      { cause },
    )
  }
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return bytes
}
