import { create } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { mm } from './building.testing.ts'
import { PagemapEntrySchema } from './generated/criu_pb.ts'
import { pageCount, pagemapFlag, pagemapFlags, pageSize } from './index.ts'

test('reads the number of pages from the field of either CRIU version', () => {
  expect(pageCount(create(PagemapEntrySchema, { vaddr: 0n, compatNrPages: 5 }))).toBe(5n)
  expect(pageCount(create(PagemapEntrySchema, { vaddr: 0n, nrPages: 1n << 33n }))).toBe(1n << 33n)
})

test('derives missing flags: pages are present unless they are in the parent dump', () => {
  expect(pagemapFlags(create(PagemapEntrySchema, { vaddr: 0n }))).toBe(pagemapFlag.PRESENT)
  expect(pagemapFlags(create(PagemapEntrySchema, { vaddr: 0n, inParent: true }))).toBe(pagemapFlag.PARENT)
  expect(pagemapFlags(create(PagemapEntrySchema, { vaddr: 0n, flags: 0 }))).toBe(0)
})

test('reads the page size from the auxiliary vector of the process', () => {
  expect(pageSize({ ...mm().message, mmSavedAuxv: [25n, 6n, 6n, 65536n, 0n, 0n] })).toBe(65536n)
})
