/** The daemons of a test cluster, one of each kind. */
export const KINDS = ['mon', 'mgr', 'osd', 'mds'] as const
export type Kind = (typeof KINDS)[number]

/** Their names within their kind: `ceph-osd --id 0`. */
export const IDS: Readonly<Record<Kind, string>> = { mon: 'a', mgr: 'a', osd: '0', mds: 'a' }

/** A running cluster that can be asked about itself. */
export interface Administered {
  /** Runs `ceph …` against it; returns its output, which is JSON. Throws CriuBenchError. */
  command(...words: string[]): Promise<string>
  /** The last lines of a daemon's log. */
  log(kind: Kind): Promise<string>
}
