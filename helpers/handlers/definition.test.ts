import { describe, expect, test } from 'vitest'
import { messageOf } from '../testing/messages.ts'
import { parseHandler, type HandlerDefinition } from './definition.ts'

const hello: HandlerDefinition = {
  name: 'hello',
  command: ['/usr/bin/true'],
  ready: { socket: '127.0.0.1:8080' },
  trigger: { request: 'http://127.0.0.1:8080/' },
  done: 'response',
}

/** What is said of that definition with some parts of anything, as plain JavaScript may have them. */
const refusing = (parts: object): Promise<string> => messageOf(() => parseHandler({ ...hello, ...parts }))

describe('a definition', () => {
  test('is completed', () => {
    expect(parseHandler({ ...hello, memory: '64MB' })).toMatchObject({
      cwd: '/',
      env: {},
      memory: 67_108_864,
      withoutIoUring: false,
      trigger: { request: 'http://127.0.0.1:8080/', method: 'GET', body: '' },
    })
  })

  test("has a network of its own and few of root's capabilities, unless it says otherwise", () => {
    expect(parseHandler(hello)).toMatchObject({ network: true, privileged: false })
    expect(parseHandler({ ...hello, network: false }).network).toBe(false)
    expect(parseHandler({ ...hello, privileged: true }).privileged).toBe(true)
  })

  test.each<[string, object]>([
    ['a part that there is not', { redy: 'report' }],
    ['a name with a blank', { name: 'my server' }],
    ['a ready that is no such thing', { ready: { port: 80 } }],
    ['a file outside of its folder', { done: { file: '../../etc/passwd' } }],
    ['a signal that there is not', { trigger: { signal: 'SIGWHAT' }, done: 'exit' }],
    ['a request to another machine', { trigger: { request: 'http://example.org/' } }],
    ['a path in `files` that is not absolute', { files: ['site'] }],
    ['requests before the dump of a handler that answers none', { trigger: 'lock', done: 'exit', warmups: 10 }], // prettier-ignore
    ['a limit of `ready` that is none', { ready: { socket: 'door', within: 'soon' } }],
    ['a response without a request', { trigger: 'lock' }],
    ['a size that is none', { memory: 'much' }],
  ])('is refused for %s', async (_, parts) => {
    expect(await refusing(parts)).toMatchSnapshot()
  })
})
