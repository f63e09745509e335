import { expect, test } from 'vitest'
import { messageOf } from '../testing/messages.ts'
import { isSupportedNode, requireNode } from './node-version.ts'

test.each([
  ['18.20.4', false],
  ['20.20.2', false],
  ['22.11.0', false],
  ['22.12.0', true],
  ['24.0.0', true],
  ['26.10.0', true],
])('Node %s is supported: %s', (version, expected) => expect(isSupportedNode(version)).toBe(expected))

test('an older Node is refused by its version, with the fix', async () => {
  const message = await messageOf(() => requireNode('20.20.2'))
  expect(message.replace(process.execPath, 'NODE')).toMatchInlineSnapshot(`
    "cannot run on this version of Node
      found:    Node 20.20.2, NODE
      expected: Node 22.12 or later
      fix:      use npm or npx, which run the Node among the packages: npm run setup"
  `)
  requireNode()
})
