import { z } from 'zod'
import { EXPECTED_SIZE, sizeIn } from '../units.ts'

const error = { error: EXPECTED_SIZE }

/** A size as options have it: bytes, or a text such as "64MB". Becomes bytes. */
export const size = z
  .union(
    [z.int(error).positive(error), z.string().refine((text) => sizeIn(text) !== undefined, error)],
    error,
  )
  .transform((given) => sizeIn(String(given)) ?? Number.NaN)
