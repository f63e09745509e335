import { fromBinary, toBinary } from '@bufbuild/protobuf'
import type { DescMessage, Message, MessageShape } from '@bufbuild/protobuf'
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

/** Decodes a message. Throws where the bytes are not such a message or would not be written back as they are. */
export function decodeMessage<S extends DescMessage>(schema: S, bytes: Uint8Array): MessageShape<S> {
  const message = fromBinary(schema, bytes)
  // fromBinary forgives missing required fields, wrong wire types and overlong varints. Encoding again finds all of
  // them at the place where they are, instead of in an image that is rewritten later.
  if (Buffer.compare(encodeMessage(schema, message), bytes) !== 0) {
    throw new Error(`not the canonical encoding of a ${schema.name}`)
  }
  return message
}

/** Encodes a message as CRIU does. Throws where a required field is not set. */
export function encodeMessage(schema: DescMessage, message: Message): Uint8Array {
  return inFieldOrder(schema, toBinary(schema, message))
}

/**
 * Sorts the fields of an encoded message by number. CRIU's protobuf-c writes fields in ascending order, protobuf-es
 * writes those that our schema does not know last; without this, no image with such a field would come out the same.
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

/** What a failed decoding or encoding says. */
export function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
