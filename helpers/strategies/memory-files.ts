import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CriuBenchError } from '../errors.ts'
import { hostPath, type Host } from '../host/host.ts'
import type { ImageSet } from '../images/index.ts'
import { ownCommand } from '../installation/own-command.ts'
import { run } from '../process/process.ts'
import { isRemote } from '../process/remote.ts'

/**
 * Remembers the files that hold the memory of a dump, and returns the check that they are still the same: from others a
 * restore would have wrong memory, or never end. `folder` is the path on the host.
 */
export async function unchangedMemory(
  host: Host,
  folder: string,
  { raw }: Pick<ImageSet, 'raw'>,
): Promise<() => Promise<void>> {
  const files = [...raw.keys()].map((file) => join(folder, file))
  const before = await statesOf(host, files)
  return async () => {
    const now = await statesOf(host, files)
    for (const [index, file] of files.entries())
      if (now[index] !== before[index]) throw changed(file, before[index], now[index])
  }
}

/** "SIZE INODE CHANGED" of each file; undefined for one that is missing. */
async function statesOf(host: Host, files: readonly string[]): Promise<Array<string | undefined>> {
  // Another machine must tell by itself, because SFTP has neither inodes nor change times.
  if (isRemote(host)) return files.length === 0 ? [] : statesThere(host, files)
  return Promise.all(
    files.map((file) =>
      stat(hostPath(host, file), { bigint: true }).then(
        ({ size, ino, ctimeNs }) => `${size} ${ino} ${ctimeNs}`,
        () => undefined,
      ),
    ),
  )
}

/** The same, as another machine sees its own files. */
export async function statesThere(host: Host, files: readonly string[]): Promise<string[]> {
  const { stdout } = await run(host, {
    argv: ['stat', '--format', '%s %i %.9Z', '--', ...files],
    failed: 'cannot read the state of the images',
    fix: ownCommand('copy'),
    timeout: 30_000,
  })
  return stdout.trim().split('\n')
}

function changed(file: string, before = '', now?: string): CriuBenchError {
  const [size, sizeNow] = [before, now].map((state) => state?.split(' ')[0])
  const isOtherSize = size !== sizeNow
  return new CriuBenchError({
    failed: `cannot restore memory from ${file}`,
    found:
      now === undefined
        ? 'no such file'
        : isOtherSize
          ? `a file of ${sizeNow} bytes instead of ${size}`
          : 'a file that was changed or replaced after the first sample',
    expected: 'the unchanged memory of the dump',
    fix: `let nothing write to the images; copy them again: ${ownCommand('copy')}`,
  })
}
