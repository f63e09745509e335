import type { LaunchReport } from '../container/launcher.ts'
import { explainFailure } from '../criu/restore.ts'
import { CriuBenchError } from '../errors.ts'
import { endOf, saidIn } from '../handlers/observe.ts'
import { fixForMissing } from '../handlers/missing-file.ts'
import type { HandlerResult } from './handler-result.ts'
import type { Checkpoint } from './checkpoint.ts'

/** Throws CriuBenchError for a process whose answer, or its checksum, is another one than before the dump. */
export function checkChecksum(
  { size, checksum, restorable, handler }: Checkpoint,
  found: string,
  output: string,
): void {
  if (found === checksum) return
  throw new CriuBenchError(
    restorable.fromScratch
      ? {
          failed: `the handler that was started from scratch is not the one that was dumped (${size} bytes)`,
          found: `the checksum ${found}`,
          expected: `the checksum ${checksum}, from before the dump`,
          fix: 'let it compute the same in every start: no time, random number or pid in its answer or checksum',
        }
      : {
          failed: `the restored process gave another answer, or has the wrong memory (${restorable.strategy}, ${size} bytes)`,
          found: `the checksum ${found}`,
          expected: `the checksum ${checksum}, from before the dump`,
          fix:
            fixForMissing(output, handler) ??
            'if the answer may differ, give `checksum` to defineHandler({ … }): a function, or false; if not, keep the images, and report a bug in vitest-criu',
        },
  )
}

/** The error of a run that did not succeed: CRIU's, or the handler's own. */
export function failureOf(
  checkpoint: Checkpoint,
  launched: LaunchReport,
  done: HandlerResult | undefined,
  log: string,
): CriuBenchError {
  const { rootfs, restorable, handler } = checkpoint
  const { log: errors, isFromCriu, fix } = explainFailure(launched.stderr)
  const on = `on ${rootfs.path} in the lean container (${restorable.strategy})`
  const logs = [errors, log.trim()].filter(Boolean).join('\n')
  const said = saidIn(launched.stderr)
  const isRestored = !isFromCriu && (launched.status === 0 || said !== undefined)
  if (!restorable.fromScratch && !isRestored) {
    return new CriuBenchError({
      failed: `cannot restore ${on}`,
      found: `exit status ${launched.status}${done ? '' : ', and no sign that the handler is done'}`,
      expected: 'exit status 0, and a handler that is done',
      fix,
      log: logs,
    })
  }
  const isUndone = said !== undefined && /done|answer/.test(said)
  return new CriuBenchError({
    failed: restorable.fromScratch
      ? `cannot start the ${handler.name} handler ${on}`
      : `the ${handler.name} handler failed after its restore ${on}`,
    found: isUndone
      ? said
      : `${done ? 'it was done, and then' : 'before it was done,'} ${endOf(launched.status)}`,
    expected: 'a handler that fulfils its `done`, and ends without an error',
    fix: restorable.fromScratch
      ? 'read its output below, or run its command by hand'
      : (fixForMissing(log, handler) ??
        'read its output below; if it fails with the strategy plain as well, the restore is not the cause'),
    log: logs,
  })
}
