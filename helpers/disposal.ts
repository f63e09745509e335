/**
 * AsyncDisposableStack for Node 22, which has `Symbol.asyncDispose` but not this class. Later versions keep their own.
 * Every entry point imports this module for its side effect. Remove it when vitest requires Node 24.
 */

type Undo = () => PromiseLike<void> | void

export class DisposalStack implements AsyncDisposableStack {
  readonly [Symbol.toStringTag] = 'AsyncDisposableStack'
  #undo: Undo[] = []
  #disposed = false

  get disposed(): boolean {
    return this.#disposed
  }

  use<T extends AsyncDisposable | Disposable | null | undefined>(value: T): T {
    this.#refuseDisposed()
    if (value) {
      const dispose = Symbol.asyncDispose in value ? value[Symbol.asyncDispose] : value[Symbol.dispose]
      this.#push(() => dispose.call(value))
    }
    return value
  }

  adopt<T>(value: T, undo: (value: T) => PromiseLike<void> | void): T {
    this.#push(() => undo(value))
    return value
  }

  defer(undo: Undo): void {
    this.#push(undo)
  }

  move(): AsyncDisposableStack {
    this.#refuseDisposed()
    const moved = new DisposalStack()
    moved.#undo = this.#undo
    this.#undo = []
    this.#disposed = true
    return moved
  }

  disposeAsync(): Promise<void> {
    return this[Symbol.asyncDispose]()
  }

  /** Runs all cleanups in reverse order, then throws. A later failure wraps the earlier one in a SuppressedError. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return
    this.#disposed = true
    const failures: unknown[] = []
    for (const undo of this.#undo.toReversed()) {
      try {
        await undo()
      } catch (error) {
        failures.push(failures.length === 0 ? error : suppressed(error, failures.pop()))
      }
    }
    this.#undo = []
    if (failures.length > 0) throw failures[0]
  }

  #push(undo: Undo): void {
    this.#refuseDisposed()
    this.#undo.push(undo)
  }

  #refuseDisposed(): void {
    if (this.#disposed) throw new ReferenceError('this AsyncDisposableStack is already disposed')
  }
}

/** The standard's SuppressedError, which Node 22 lacks as well. */
function suppressed(error: unknown, earlier: unknown): Error {
  return Object.assign(new Error('an error was suppressed during disposal'), {
    name: 'SuppressedError',
    error,
    suppressed: earlier,
  })
}

if (!('AsyncDisposableStack' in globalThis))
  Object.assign(globalThis, { AsyncDisposableStack: DisposalStack })
