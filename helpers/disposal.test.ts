import { describe, expect, test } from 'vitest'
import { DisposalStack } from './disposal.ts'

/** Node's own, and the one that Node 22 gets: what holds of one holds of the other. */
describe.each([
  ['of Node', AsyncDisposableStack],
  ['for Node 22', DisposalStack],
])('AsyncDisposableStack %s', (_, Stack) => {
  test('undoes everything once, the latest first, each after the one before it', async () => {
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

  test('goes on after a failure, and throws all of them', async () => {
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

  test('throws a lone failure as it is', async () => {
    const stack = new Stack()
    const failure = new Error('alone')
    stack.defer(() => Promise.reject(failure))
    await expect(stack.disposeAsync()).rejects.toBe(failure)
  })

  test('that was moved undoes nothing, and the other does', async () => {
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
