import { join } from 'node:path'
import type { CriuBenchError } from '../errors.ts'

/**
 * Where commands run and files lie: this machine as it is, a sandbox (private namespaces), or another machine. Everything
 * that mounts, dumps or restores takes a Host, so that the same code serves the suites and the steps run by hand.
 */
export interface Host {
  /** The words before a command line that make it run on the host. */
  readonly namespacePrefix: readonly string[]
  /** The ssh command that runs a shell line on the host; only where the host is another machine. */
  readonly sshCommand?: readonly string[]
  /** Where this process sees the host's root directory: "/" or "/proc/PID/root". */
  readonly root: string
  /** Asked after a failure: why the host is gone; undefined when it is there. */
  readonly lost?: () => Promise<CriuBenchError | undefined>
}

/** This machine as it is: everyone sees the mounts made here. Commands die with the process that started them. */
export const localHost: Host = { namespacePrefix: ['setpriv', '--pdeathsig', 'KILL', '--'], root: '/' }

/** The path by which this process reaches `path` on `host`. */
export const hostPath = (host: Host, path: string): string => join(host.root, path)
