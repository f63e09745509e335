import { expect, test } from 'vitest'
import { BUILT_IN_HANDLERS } from '../config/names.ts'
import { messageOf } from '../testing/messages.ts'
import type { HandlerDefinition } from './definition.ts'
import { defineHandler } from './defined.ts'
import { handlerNamed } from './handler.ts'

const definition: HandlerDefinition = { name: 'taken', command: ['/bin/true'] }

test('a handler of the same name as another one is refused, and the first one stays', async () => {
  const first = defineHandler(definition)
  const second = { ...definition, command: ['/bin/false'] }
  expect(await messageOf(() => defineHandler(second))).toMatchInlineSnapshot(`
    "cannot define the handler "taken"
      found:    a second definition with this name
      expected: a name of its own: titles, results and baselines tell handlers apart by it
      fix:      give it another name, or define it once in a module that others import"
  `)
  expect(handlerNamed('taken')).toBe(first)
})

test.each(BUILT_IN_HANDLERS)('a handler of the name of a built-in one is refused: %s', async (name) => {
  const built = handlerNamed(name)
  expect(await messageOf(() => defineHandler({ ...definition, name }))).toContain(
    'found:    the name of a handler that vitest-criu has',
  )
  expect(handlerNamed(name)).toBe(built)
})
