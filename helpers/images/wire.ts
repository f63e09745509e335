import { clone, fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, Message, MessageShape } from '@bufbuild/protobuf'
import type { GenMessage } from '@bufbuild/protobuf/codegenv2'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** Decodes a message. Throws if the bytes are not a message of the schema, or if encoding it would give other bytes. */
export function decodeMessage<S extends DescMessage>(schema: S, bytes: Uint8Array): MessageShape<S> {
  const message = fromBinary(schema, bytes)
  // fromBinary accepts missing required fields, wrong wire types and overlong varints. Encoding the message again finds
  // these faults here, before a rewrite would.
  if (Buffer.compare(encodeMessage(schema, message), bytes) !== 0) {
    throw new Error(`not the canonical encoding of a ${schema.name}`)
  }
  return message
}

/** Encodes a message as CRIU does. Throws if a required field is not set. */
export function encodeMessage(schema: DescMessage, message: Message): Uint8Array {
  return inFieldOrder(schema, toBinary(schema, message))
}

/**
 * Sorts the fields of an encoded message by number. CRIU's protobuf-c writes fields in ascending order, but protobuf-es
 * writes unknown fields last. Images with unknown fields would therefore change when they are decoded and encoded.
 */
function inFieldOrder(schema: DescMessage, bytes: Uint8Array): Uint8Array {
  const messages = new Map(schema.fields.map((field) => [field.number, field.message]))
  const reader = new BinaryReader(bytes)
  const records: { number: number; bytes: Uint8Array }[] = []
  while (reader.pos < reader.len) {
    const start = reader.pos
    const [number, wireType] = reader.tag()
    const message = messages.get(number)
    if (message && wireType === WireType.LengthDelimited) {
      const child = inFieldOrder(message, reader.bytes())
      const prefix = bytes.subarray(start, reader.pos - child.length)
      records.push({ number, bytes: Buffer.concat([prefix, child]) })
    } else {
      reader.skip(wireType, number)
      records.push({ number, bytes: bytes.subarray(start, reader.pos) })
    }
  }
  return Buffer.concat(records.toSorted((a, b) => a.number - b.number).map((record) => record.bytes))
}

/** A copy with changed fields. Unlike `create`, it keeps unknown fields. */
export const changed = <M extends Message>(schema: GenMessage<M>, message: M, fields: Partial<M>): M =>
  Object.assign(clone(schema, message), fields)
