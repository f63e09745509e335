import { hostPath, type Host } from '../host/host.ts'
import { MB, type Bytes } from '../units.ts'
import { checksumOf, UNCHECKED } from './answer.ts'
import { answers, type Handler } from './definition.ts'
import { commandLine, HANDLER_FOLDER, handlerFiles, runsTwice } from './handler.ts'
import { askOnce } from './observe.ts'
import { recordOpened, type Opened } from './opened.ts'
import { checkDumpable } from './preflight/index.ts'
import { unlessDaemon, untilReady } from './ready.ts'
import { rehearse } from './rehearsal.ts'
import { readReport, readyIn } from './report.ts'
import { dumpHostOf, startProcess } from './running.ts'

/** A handler that has run once and waits for its trigger: the process that is dumped. */
export interface WaitingHandler extends AsyncDisposable {
  /** The handler's pid on its host. */
  readonly pid: number
  readonly name: string
  readonly size: Bytes
  /** Checksum of a run before the dump: a restored handler must return the same. */
  readonly checksum: string
  /** Whether its network is none of the machine's: then its TCP connections end in its own processes. */
  readonly hasOwnNetwork: boolean
  /** What it has opened since its start, and may open again. */
  readonly opened: Opened
  /** The host in the namespaces of the handler in which CRIU must run. */
  readonly host: Host
}

/** Milliseconds. A handler first builds and touches its memory: at least 20 MB a second, on any machine. */
const readyLimit = (size: Bytes): number => 30_000 + (size / (20 * MB)) * 1000

/**
 * Starts a handler on `host`, and waits until it is ready and has run once. A handler that can run only once runs in
 * another process first. Throws CriuBenchError.
 */
export async function startHandler(
  host: Host,
  handler: Handler,
  size: Bytes,
  limit = readyLimit(size),
): Promise<WaitingHandler> {
  await using recording = await recordOpened(host)
  const rehearsed = handler.checksum === false || runsTwice(handler) ? undefined : await rehearse(host, { handler, size, limit }) // prettier-ignore
  await using undo = new AsyncDisposableStack()
  const running = undo.use(
    await startProcess(host, handler, () => commandLine(handler, size, HANDLER_FOLDER)),
  )
  const { pid, host: inside } = running
  const starting = { ...running, handler, size, limit }
  const waiting = await unlessDaemon(host, starting, async () => {
    await untilReady(inside, starting)
    const checksum = rehearsed ?? (await firstChecksum(inside, handler, limit))
    const opened = await recording.opened()
    await checkDumpable(inside, { name: handler.name, pid, hasOwnNetwork: handler.network })
    return { checksum, opened, host: await dumpHostOf(inside, pid) }
  })
  const owned = undo.move()
  const { name, network: hasOwnNetwork } = handler
  return { ...waiting, pid, name, size, hasOwnNetwork, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function firstChecksum(host: Host, handler: Handler, limit: number): Promise<string> {
  const folder = hostPath(host, HANDLER_FOLDER)
  if (answers(handler)) {
    for (let asked = 0; asked < (handler.warmups ?? 1); asked++)
      await askOnce(host, handler, HANDLER_FOLDER, limit)
    return checksumOf(handler, { folder })
  }
  if (handler.checksum === false) return UNCHECKED
  const ready = readyIn(await readReport(handlerFiles(folder).report))
  return ready?.checksum ?? 'none'
}
