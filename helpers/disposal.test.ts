import { describe, expect, test } from 'vitest'
import { DisposalStack } from './disposal.ts'

/** Node's class and the replacement for Node 22 must pass the same tests. */
describe.each([
  ['of Node', AsyncDisposableStack],
  ['for Node 22', DisposalStack],
])('AsyncDisposableStack %s', (_, Stack) => {
  test('runs every cleanup once, in reverse order, one after another', async () => {
    const said: string[] = []
    const later = async (what: string): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve))
      said.push(what)
    }
    const stack = new Stack()
    stack.defer(() => later('deferred'))
    expect(stack.adopt('adopted', later)).toBe('adopted')
    stack.use({ [Symbol.asyncDispose]: () => later('used') })
    stack.use({ [Symbol.dispose]: () => said.push('used at once') })
    expect(stack.use(undefined)).toBeUndefined()
    await stack.disposeAsync()
    await stack.disposeAsync()
    expect(said).toEqual(['used at once', 'used', 'adopted', 'deferred'])
    expect(stack.disposed).toBe(true)
    expect(() => stack.defer(() => {})).toThrow(ReferenceError)
  })

  test('continues after a failure, and throws all failures in the end', async () => {
    const said: string[] = []
    const stack = new Stack()
    stack.defer(() => Promise.reject(new Error('second')))
    stack.defer(() => void said.push('undone'))
    stack.defer(() => Promise.reject(new Error('first')))
    await expect(stack.disposeAsync()).rejects.toMatchObject({
      name: 'SuppressedError',
      error: { message: 'second' },
      suppressed: { message: 'first' },
    })
    expect(said).toEqual(['undone'])
  })

  test('throws a single failure unchanged', async () => {
    const stack = new Stack()
    const failure = new Error('alone')
    stack.defer(() => Promise.reject(failure))
    await expect(stack.disposeAsync()).rejects.toBe(failure)
  })

  test('hands its cleanups to the stack that move() returns', async () => {
    const said: string[] = []
    const stack = new Stack()
    stack.defer(() => void said.push('undone'))
    const moved = stack.move()
    await stack.disposeAsync()
    expect(said).toEqual([])
    await moved.disposeAsync()
    expect(said).toEqual(['undone'])
  })
})
