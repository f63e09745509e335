/** What bench/peers.bench.ts compares: other ways to start a container, and to restore a process in one. */
import { missingPrograms } from '../../helpers/programs/installed.ts'
import type { Site } from '../site.ts'
import type { RestoredProcess } from './process.ts'
import type { Measure } from './sample.ts'

/** A program that starts containers. */
export interface Peer {
  readonly name: string
  /** The namespaces of its containers, and whether they have a cgroup. */
  readonly isolation: string
  /** The Debian packages that it needs, by program. */
  readonly needs: Readonly<Record<string, string>>
  /** Prepares starts of `command` in a container. One sample lasts from the start of the command to its end. */
  start?(site: Site, command: readonly string[]): Promise<Measure>
  /** Why it cannot restore a process, if it has no `restore`. */
  readonly restoresNothing?: string
  /** Takes a checkpoint of the process. One sample is a restore, from the start of the command to the process' answer. */
  restore?(site: Site, process: RestoredProcess): Promise<Measure>
}

/** Why a peer cannot be measured here; undefined if it can. */
export function missingFor({ needs }: Peer): string | undefined {
  const missing = missingPrograms(Object.keys(needs))
  if (missing.length === 0) return undefined
  const packages = missing.map((program) => needs[program] ?? program)
  return `no ${missing.join(', ')} here: run .ci/setup peers, which installs ${packages.join(', ')}`
}
