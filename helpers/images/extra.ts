import { fromBinary } from '@bufbuild/protobuf'
import { IpcMsgSchema } from './generated/criu_pb.ts'
import type { IpcMsgEntry } from './generated/criu_pb.ts'

/** `length` rounded up to a multiple of `alignment`, both in bytes. */
export function padded(length: number, alignment: number): number {
  return Math.ceil(length / alignment) * alignment
}

/**
 * Bytes of payload after the entry of a System V message queue. For each message, there is a length, an IpcMsg and a
 * text padded to 8 bytes. If the file is too short, the result is larger than `rest`.
 */
export function afterMessageQueue(queue: IpcMsgEntry, rest: Uint8Array): number {
  let end = 0
  for (let message = 0; message < queue.qnum; message++) {
    if (end + 4 > rest.length) return end + 4
    const text = end + 4 + readU32(rest, end)
    if (text > rest.length) return text
    end = text + padded(fromBinary(IpcMsgSchema, rest.subarray(end + 4, text)).msize, 8)
  }
  return end
}

/** The little-endian 32-bit number at `offset`. The caller checks that the bytes exist. */
export function readU32(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true)
}
