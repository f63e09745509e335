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

export interface Comparison {
  readonly first: Part
  readonly second: Part
  /** Bytes, whole pages. */
  readonly length: bigint
}

/** Pages in which the parts of a comparison differ, in bytes from the start of the parts. */
export interface Difference {
  readonly comparison: Comparison
  readonly start: bigint
  readonly length: bigint
}

/** Compares parts of files on `host`, page by page. `folder` is a folder there for a temporary file. */
export async function compareParts(
  host: Host,
  comparisons: readonly Comparison[],
  { bytesPerPage, folder }: { bytesPerPage: bigint; folder: string },
): Promise<Difference[]> {
  const files = [...new Set(comparisons.flatMap(({ first, second }) => [first.file, second.file]))]
  const numbers = new Map(files.map((file, index) => [file, index]))
  const lines = comparisons.map(({ first, second, length }) =>
    [...[first, second].flatMap(({ file, offset }) => [numbers.get(file), offset]), length].join(' '),
  )
  const list = join(folder, 'comparisons')
  await writeFile(hostPath(host, list), `${lines.join('\n')}\n`)
  try {
    const program = await ensureProgramOnHost(host, await compile(fixture('programs/extents.c')))
    const { stdout } = await run(host, {
      argv: [program, 'compare', String(bytesPerPage), list, ...files],
      failed: 'cannot compare the memory of processes',
      fix: ownCommand('copy'),
      timeout: LIMIT,
    })
    return stdout.split('\n').flatMap((line) => differenceIn(line, comparisons))
  } finally {
    await rm(hostPath(host, list))
  }
}

function differenceIn(line: string, comparisons: readonly Comparison[]): Difference[] {
  const [index, start, length] = line.split(' ')
  const comparison = comparisons[Number(index)]
  if (!comparison || start === undefined || length === undefined) return []
  return [{ comparison, start: BigInt(start), length: BigInt(length) }]
}
