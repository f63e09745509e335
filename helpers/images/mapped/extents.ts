import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostPath, type Host } from '../../host/host.ts'
import { fixture } from '../../installation/paths.ts'
import { ownCommand } from '../../installation/own-command.ts'
import { run } from '../../process/process.ts'
import { compile } from '../../programs/compile.ts'
import { ensureProgramOnHost } from '../../programs/ensure-on-host.ts'

/** Time limit in ms for work on the memory of all processes of a dump. */
const LIMIT = 600_000

/** Bytes of a file. */
export interface Part {
  /** Path on the host. */
  readonly file: string
  readonly offset: bigint
}

/** Two parts of files with the same length. */
export interface Pair {
  readonly first: Part
  readonly second: Part
  /** Bytes. */
  readonly length: bigint
}

/** Pages in which the parts of a pair differ, in bytes from the start of the parts. */
export interface Difference {
  readonly pair: Pair
  readonly start: bigint
  readonly length: bigint
}

/** Compares parts of whole pages on `host`. `folder` is a folder there for a temporary file. */
export async function compareParts(
  host: Host,
  pairs: readonly Pair[],
  { bytesPerPage, folder }: { bytesPerPage: bigint; folder: string },
): Promise<Difference[]> {
  const printed = await work(host, ['compare', String(bytesPerPage)], pairs, folder)
  return printed.split('\n').flatMap((line) => differenceIn(line, pairs))
}

/** Copies the first part of each pair to the second, in an existing file. The kernel copies the bytes. */
export async function copyParts(host: Host, pairs: readonly Pair[], folder: string): Promise<void> {
  await work(host, ['copy'], pairs, folder)
}

/** Runs a command of the program `extents`, and returns its output. */
async function work(host: Host, command: string[], pairs: readonly Pair[], folder: string): Promise<string> {
  const files = [...new Set(pairs.flatMap(({ first, second }) => [first.file, second.file]))]
  const numbers = new Map(files.map((file, index) => [file, index]))
  const lines = pairs.map(({ first, second, length }) =>
    [...[first, second].flatMap(({ file, offset }) => [numbers.get(file), offset]), length].join(' '),
  )
  const list = join(folder, 'extents')
  await writeFile(hostPath(host, list), `${lines.join('\n')}\n`)
  try {
    const program = await ensureProgramOnHost(host, await compile(fixture('programs/extents.c')))
    const { stdout } = await run(host, {
      argv: [program, ...command, list, ...files],
      failed: `cannot ${command[0]} the memory of processes`,
      fix: `free space on the filesystem, then copy again: ${ownCommand('copy')}`,
      timeout: LIMIT,
    })
    return stdout
  } finally {
    await rm(hostPath(host, list))
  }
}

function differenceIn(line: string, pairs: readonly Pair[]): Difference[] {
  const [index, start, length] = line.split(' ')
  const pair = pairs[Number(index)]
  if (!pair || start === undefined || length === undefined) return []
  return [{ pair, start: BigInt(start), length: BigInt(length) }]
}
