import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PREFIX = 'vitest-criu-test'

export type TemporaryFolder = AsyncDisposable & { readonly path: string }

/** A new temporary folder, removed at the end of the scope. Its name tells which process of which test run made it. */
export async function temporaryFolder(parent = tmpdir()): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(parent, `${PREFIX}-${process.pid}-`))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** The process whose temporary folder a text names; undefined where it names none. */
export function testRunIn(text: string): number | undefined {
  const pid = new RegExp(`/${PREFIX}-(\\d+)-`).exec(text)?.[1]
  return pid === undefined ? undefined : Number(pid)
}
