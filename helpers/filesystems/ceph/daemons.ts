/** The daemons of a test cluster, one of each kind. */
export const KINDS = ['mon', 'mgr', 'osd', 'mds'] as const
export type Kind = (typeof KINDS)[number]

/** Their names within their kind: `ceph-osd --id 0`. */
export const IDS: Readonly<Record<Kind, string>> = { mon: 'a', mgr: 'a', osd: '0', mds: 'a' }

/** The arguments of a command to the monitors, by the names that `ceph get_command_descriptions` lists. */
export type CommandWords = Readonly<Record<string, string | number | readonly string[]>>

/** A running cluster that can be asked about itself. */
export interface Administered {
  /** Runs a command of `ceph`, such as "osd pool create"; returns its output, which is JSON. Throws CriuBenchError. */
  command(prefix: string, words?: CommandWords): Promise<string>
  /** The last lines of a daemon's log. */
  log(kind: Kind): Promise<string>
}
