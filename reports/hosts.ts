import type { HostsResults, SuiteResults } from './results.ts'

/** For the title of a table: ", on namespace 10.42.0.2 by 100mbit"; empty where one host did all. */
export function elsewhere({ hosts }: { readonly hosts: HostsResults | undefined }): string {
  if (!hosts) return ''
  const { delay, bandwidth } = hosts.link ?? {}
  const link = [...(delay === undefined ? [] : [`delay ${delay}`]), ...(bandwidth === undefined ? [] : [bandwidth])] // prettier-ignore
  return `, on ${hosts.restored.name}${link.length === 0 ? '' : ` by ${link.join(', ')}`}`
}

/** Which host did what, and how far their clocks are apart; undefined where one host did all. */
export function hostsLine(suites: readonly SuiteResults[]): string | undefined {
  const hosts = suites.find((suite) => suite.hosts)?.hosts
  if (!hosts) return undefined
  const { dumped, restored, clock } = hosts
  const offset = `${clock.offset < 0 ? '−' : '+'}${Math.abs(clock.offset).toFixed(3)} ms ± ${clock.bound.toFixed(3)}`
  return (
    `dumped on ${named(dumped)}, restored on ${named(restored)}; the latter's clock ${offset} ` +
    `(best of ${clock.probes} probes), and no figure is of both clocks`
  )
}

const named = ({ name, kernel }: HostsResults['dumped']): string => `${name} (kernel ${kernel})`
