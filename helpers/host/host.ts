import { join } from 'node:path'

/**
 * Where commands run and files lie: this machine's own namespaces, or private ones (sandbox.ts).
 * Everything that mounts, dumps or restores takes a Host, so that one code serves the steps run by hand and the suites.
 */
export interface Host {
  /** What a command line starts with to run there. */
  readonly namespacePrefix: readonly string[]
  /** What, executed on this machine, runs a shell's line on that one; only for a host that is another machine. */
  readonly sshCommand?: readonly string[]
  /** Where this process sees the host's root directory: "/" or "/proc/PID/root". */
  readonly root: string
}

/** This machine as it is: mounts made here are seen by everyone. What runs here dies with the process that asked. */
export const localHost: Host = { namespacePrefix: ['setpriv', '--pdeathsig', 'KILL', '--'], root: '/' }

/** The path under which this process reaches `path` of `host`. */
export const hostPath = (host: Host, path: string): string => join(host.root, path)
