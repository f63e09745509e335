import { ScalarType } from '@bufbuild/protobuf'
import type { DescField, DescMessage } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt'
import * as fc from 'fast-check'

interface WireRecord {
  readonly number: number
  readonly bytes: Uint8Array
}

function record(number: number, wireType: WireType, write: (writer: BinaryWriter) => unknown): WireRecord {
  const writer = new BinaryWriter().tag(number, wireType)
  write(writer)
  return { number, bytes: writer.finish() }
}

const uint64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })
const int64 = fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n })

/** An unknown field of any wire type that CRIU uses. */
function unknownRecord(number: number): fc.Arbitrary<WireRecord> {
  return fc.oneof(
    fc
      .bigInt({ min: 0n, max: (1n << 64n) - 1n })
      .map((v) => record(number, WireType.Varint, (w) => w.uint64(v))),
    fc.uint8Array({ maxLength: 20 }).map((v) => record(number, WireType.LengthDelimited, (w) => w.bytes(v))),
    fc.nat().map((v) => record(number, WireType.Bit32, (w) => w.fixed32(v))),
    fc.bigInt({ min: 0n, max: 1n << 60n }).map((v) => record(number, WireType.Bit64, (w) => w.fixed64(v))),
  )
}

type Varint = (write: (writer: BinaryWriter) => unknown) => WireRecord

/** Arbitrary values of the varint types in criu.proto. */
const varints: { [S in ScalarType]?: (varint: Varint) => fc.Arbitrary<WireRecord> } = {
  [ScalarType.UINT32]: (varint) => fc.nat({ max: 0xffffffff }).map((v) => varint((w) => w.uint32(v))),
  [ScalarType.UINT64]: (varint) => uint64.map((v) => varint((w) => w.uint64(v))),
  [ScalarType.INT32]: (varint) => fc.integer().map((v) => varint((w) => w.int32(v))),
  [ScalarType.SINT32]: (varint) => fc.integer().map((v) => varint((w) => w.sint32(v))),
  [ScalarType.SINT64]: (varint) => int64.map((v) => varint((w) => w.sint64(v))),
  [ScalarType.BOOL]: (varint) => fc.boolean().map((v) => varint((w) => w.bool(v))),
}

function valueRecord(field: DescField): fc.Arbitrary<WireRecord> {
  const { number } = field
  const varint = field.scalar && varints[field.scalar]
  if (varint) return varint((write) => record(number, WireType.Varint, write))
  const bytes = field.message ? messageBytes(field.message) : fc.uint8Array({ maxLength: 20 })
  return bytes.map((v) => record(number, WireType.LengthDelimited, (w) => w.bytes(v)))
}

/** Any message of a schema that CRIU could have written, including unknown fields. */
export function messageBytes(schema: DescMessage): fc.Arbitrary<Uint8Array> {
  const known = schema.fields.map((field) => {
    const minLength = field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED ? 1 : 0
    return fc.array(valueRecord(field), { minLength, maxLength: field.fieldKind === 'list' ? 3 : 1 })
  })
  const numbers = new Set(schema.fields.map((field) => field.number))
  const unknown = fc
    .nat({ max: 130 })
    .filter((number) => number > 0 && !numbers.has(number))
    .chain(unknownRecord)
  return fc.tuple(fc.array(unknown, { maxLength: 4 }), ...known).map((records) => {
    const ascending = records.flat().toSorted((a, b) => a.number - b.number)
    return Buffer.concat(ascending.map(({ bytes }) => bytes))
  })
}
