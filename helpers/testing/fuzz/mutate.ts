import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** The same random choices for the same seed. */
export class Chance {
  readonly #generator: ReturnType<typeof xoroshiro128plus>

  constructor(seed: number) {
    this.#generator = xoroshiro128plus(seed)
  }

  /** A whole number from 0 to `end`, without `end`. */
  below(end: number): number {
    return end <= 1 ? 0 : uniformInt(this.#generator, 0, end - 1)
  }

  of<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)]
    if (choice === undefined) throw new Error('nothing to choose from')
    return choice
  }
}

/** Lengths and counts at which code goes wrong. */
const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

type Mutation = (bytes: Buffer, chance: Chance) => Buffer

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, chance) {
    const at = chance.below(bytes.length)
    bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << chance.below(8)), at)
    return bytes
  },
  function setByte(bytes, chance) {
    bytes.writeUInt8(chance.of([0, 1, 0x7f, 0x80, 0xff]), chance.below(bytes.length))
    return bytes
  },
  function setWord(bytes, chance) {
    if (bytes.length >= 4) bytes.writeUInt32LE(chance.of(EXTREMES), chance.below(bytes.length - 3))
    return bytes
  },
  function cut(bytes, chance) {
    return bytes.subarray(0, chance.below(bytes.length))
  },
  function fillWithZeros(bytes, chance) {
    return bytes.fill(0, chance.below(bytes.length))
  },
  function append(bytes, chance) {
    return Buffer.concat([
      bytes,
      Buffer.alloc(chance.below(100) === 0 ? 1 << 20 : chance.of([1, 4, 4096]), chance.of([0, 0xff])),
    ])
  },
  function repeatPart(bytes, chance) {
    const [start, end] = [chance.below(bytes.length), chance.below(bytes.length)].toSorted((a, b) => a - b)
    const part = bytes.subarray(start, end)
    return Buffer.concat([bytes.subarray(0, end), ...Array.from({ length: chance.below(50) }, () => part), bytes.subarray(end ?? 0)]) // prettier-ignore
  },
]

/** A copy of some bytes with one to four changes. */
export function mutateBytes(bytes: Uint8Array, chance: Chance): Buffer {
  let mutated: Buffer = Buffer.from(bytes)
  for (let left = 1 + chance.below(4); left > 0 && mutated.length > 0; left--)
    mutated = chance.of(MUTATIONS)(mutated, chance)
  return mutated
}

const NUMBERS = [...EXTREMES, 4096, 4097, -1, 2 ** 53]
const BIGINTS = [0n, 1n, 4095n, 4096n, 2n ** 31n, 2n ** 47n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n]
const TEXTS = ['', '../../../evil', 'a|b\n::error::', '\u0000', '<script>', 'x'.repeat(100_000), '2026-01-01']
const OTHERS: readonly unknown[] = [null, true, [], {}, 1e308, -1, '5']

/** Changes one value somewhere in a tree of objects, in place. With `wild` its type may change as well. */
export function mutateTree(root: object, chance: Chance, wild: boolean): void {
  const places: Array<readonly [object, string]> = []
  const visit = (parent: object): void => {
    for (const [key, value] of Object.entries<unknown>({ ...parent })) {
      if (key.startsWith('$')) continue
      places.push([parent, key])
      if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) visit(value)
    }
  }
  visit(root)
  if (places.length === 0) return
  const [parent, key] = chance.of(places)
  const value: unknown = Reflect.get(parent, key)
  if (wild && chance.below(3) === 0) Reflect.deleteProperty(parent, key)
  else Reflect.set(parent, key, wild && chance.below(2) === 0 ? chance.of(OTHERS) : other(value, chance))
}

function other(value: unknown, chance: Chance): unknown {
  if (typeof value === 'number') return chance.of(NUMBERS)
  if (typeof value === 'bigint') return chance.of(BIGINTS)
  if (typeof value === 'string') return chance.of(TEXTS)
  if (typeof value === 'boolean') return !value
  if (value instanceof Uint8Array) return mutateBytes(value, chance)
  if (!Array.isArray(value)) return value
  const items: unknown[] = value
  return chance.below(2) === 0
    ? items.toReversed()
    : [...items, ...items].slice(chance.below(items.length + 1))
}
