import { create, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { CriuBenchError } from '../errors.ts'
import { words } from './building.testing.ts'
import * as pb from './generated/criu_pb.ts'
import { asImage, decodeImage, encodeImage } from './index.ts'
import { headMagic, imageLayouts } from './magic.ts'
import type { ImageLayout } from './magic.ts'
import { messageBytes } from './wire.testing.ts'

/** An image as a list of its head and its entries. */
type Parts = Uint8Array[]

const layouts: [string, ImageLayout][] = Object.entries(imageLayouts)
const noPayload: ImageLayout['extra'] = imageLayouts.PSTREE.extra

function headOf({ head, magic }: ImageLayout): Uint8Array {
  return words(...[headMagic[head], magic].filter((each) => each !== undefined))
}

function framed(bytesOfMessage: Uint8Array, ...payload: Uint8Array[]): Uint8Array {
  return Buffer.concat([words(bytesOfMessage.length), bytesOfMessage, ...payload])
}

function message<S extends DescMessage>(schema: S, init: MessageInitShape<S>): Uint8Array {
  return toBinary(schema, create(schema, init))
}

/** Decodes and encodes an image. Errors other than CriuBenchError are not caught. */
function outcomeOf(parts: Parts): 'same bytes' | 'other bytes' | 'rejected' {
  const whole = Buffer.concat(parts)
  try {
    return Buffer.compare(encodeImage(decodeImage(whole, 'any.img')), whole) === 0
      ? 'same bytes'
      : 'other bytes'
  } catch (error) {
    if (error instanceof CriuBenchError) return 'rejected'
    throw error
  }
}

const bytes = fc.uint8Array({ maxLength: 40 })

/** An image of any type without payloads, with arbitrary fields. */
const imageWithoutPayload: fc.Arbitrary<Parts> = fc
  .constantFrom(...layouts.filter(([, layout]) => layout.extra === noPayload))
  .chain(([, layout]) => {
    const entries = fc.array(layout.schema ? messageBytes(layout.schema) : bytes, {
      minLength: layout.single ? 1 : 0,
      maxLength: layout.single ? 1 : 4,
    })
    const first = layout.first ? messageBytes(layout.first).map((each) => [each]) : fc.constant([])
    return fc
      .tuple(first, entries)
      .map((messages) => [headOf(layout)].concat(messages.flat().map((each) => framed(each))))
  })

const zeros = (length: number, alignment: number): Uint8Array => new Uint8Array(-length & (alignment - 1))

/** Entries with this payload, by image type. */
const entryWithPayload: Record<string, (payload: Uint8Array) => Parts> = {
  PIPES_DATA: (data) => [framed(message(pb.PipeDataEntrySchema, { pipeId: 1, bytes: data.length }), data)],
  FIFO_DATA: (data) => [framed(message(pb.PipeDataEntrySchema, { pipeId: 1, bytes: data.length }), data)],
  SK_QUEUES: (data) => [framed(message(pb.SkPacketEntrySchema, { idFor: 1, length: data.length }), data)],
  TCP_STREAM: (data) => [
    framed(message(pb.TcpStreamEntrySchema, { inqLen: 3, outqLen: data.length }), Buffer.from('abc'), data),
  ],
  BPFMAP_DATA: (data) => {
    const lengths = { mapId: 1, keysBytes: 8, valuesBytes: data.length }
    return [framed(message(pb.BpfmapDataEntrySchema, lengths), new Uint8Array(8), data)]
  },
  IPCNS_SHM: (data) => [
    framed(message(pb.IpcShmEntrySchema, { size: BigInt(data.length) }), data, zeros(data.length, 4)),
    framed(message(pb.IpcShmEntrySchema, { size: 1n << 40n, inPagemaps: true })),
  ],
  IPCNS_SEM: (data) => [
    framed(message(pb.IpcSemEntrySchema, { nsems: data.length }), data, data, zeros(data.length * 2, 8)),
  ],
  IPCNS_MSG: (data) => {
    const text = framed(
      message(pb.IpcMsgSchema, { mtype: 5n, msize: data.length }),
      data,
      zeros(data.length, 8),
    )
    return [framed(message(pb.IpcMsgEntrySchema, { qnum: 2 }), text, text)]
  },
}

const imageWithPayload: fc.Arbitrary<Parts> = fc
  .constantFrom(...layouts.filter(([type]) => type in entryWithPayload))
  .chain(([type, layout]) => {
    const count = layout.single ? 1 : 3
    const payloads = fc.array(bytes, { minLength: count, maxLength: count })
    const entriesWith = (data: Uint8Array): Parts => entryWithPayload[type]?.(data) ?? []
    return payloads.map((each) => [headOf(layout)].concat(each.flatMap(entriesWith)))
  })

const owner = { uid: 0, gid: 0, mode: 0o100600 }
const ghostHead = headOf(imageLayouts.GHOST_FILE)
const chunked = framed(message(pb.GhostFileEntrySchema, { ...owner, chunks: true }))
const beforeChunks: Parts = [Buffer.concat([ghostHead, chunked])]

function ghostChunk(data: Uint8Array, index: number): Uint8Array {
  const range = { len: BigInt(data.length), off: BigInt(index * 4096) }
  return framed(message(pb.GhostChunkEntrySchema, range), data)
}

const ghost: fc.Arbitrary<Parts> = fc
  .array(bytes)
  .map((chunks) => beforeChunks.concat(chunks.map(ghostChunk)))

const anyImage = fc.oneof(imageWithoutPayload, imageWithPayload, ghost)

function counterexample<T>(property: fc.IProperty<T>, numRuns: number): T | null {
  return fc.check(property, { numRuns }).counterexample
}

test('these tests cover every image type with a payload', () => {
  const types = layouts.filter(([, layout]) => layout.extra !== noPayload).map(([type]) => type)
  expect(types.toSorted()).toEqual([...Object.keys(entryWithPayload), 'GHOST_FILE'].toSorted())
})

test('any image that CRIU can write has the same bytes after decoding and encoding', () => {
  const property = fc.property(anyImage, (parts) => outcomeOf(parts) === 'same bytes')
  expect(counterexample(property, 2000)).toBeNull()
})

test('the content of a ghost file without chunks is the rest of the image', () => {
  const content = Buffer.from('content')
  const parts = [ghostHead, framed(message(pb.GhostFileEntrySchema, owner), content)]
  const image = asImage(decodeImage(Buffer.concat(parts), 'ghost-file-1.img'), 'GHOST_FILE')
  expect(Buffer.from(image.first.extra)).toEqual(content)
  expect(outcomeOf(parts)).toBe('same bytes')
})

test('a truncated image is rejected, unless it ends between two entries of a list', () => {
  const property = fc.property(anyImage, (parts) => {
    const whole = Buffer.concat(parts)
    const ends = new Set(parts.map((_, index) => Buffer.concat(parts.slice(0, index + 1)).length))
    return Array.from(whole, (_, end) => end).every((end) => {
      const cut = whole.subarray(0, end)
      return outcomeOf([cut]) === (ends.has(end) && mayEndThere(cut) ? 'same bytes' : 'rejected')
    })
  })
  expect(counterexample(property, 300)).toBeNull()
})

/** Whether an image may end after these complete parts. A head alone is incomplete if an entry must follow. */
function mayEndThere(cut: Uint8Array): boolean {
  const own = layouts.find(([, layout]) => Buffer.compare(headOf(layout), cut) === 0)
  return !own?.[1].single && !own?.[1].first
}

test('a damaged image is rejected, or has the same damaged bytes after decoding and encoding', () => {
  const property = fc.property(anyImage, fc.nat(), fc.nat({ max: 255 }), (parts, where, value) => {
    const damaged = Buffer.concat(parts)
    damaged[where % damaged.length] = value
    return outcomeOf([damaged]) !== 'other bytes'
  })
  expect(counterexample(property, 5000)).toBeNull()
})
