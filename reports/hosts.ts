import type { HostsResults, SuiteResults } from './results.ts'

/** Part of a table title: ", restored on namespace 10.42.0.2 over 100mbit". Empty if one host dumped and restored. */
export function elsewhere({ hosts }: { readonly hosts: HostsResults | undefined }): string {
  if (!hosts) return ''
  const { delay, bandwidth } = hosts.link ?? {}
  const link = [...(delay === undefined ? [] : [`delay ${delay}`]), ...(bandwidth === undefined ? [] : [bandwidth])] // prettier-ignore
  return `, restored on ${hosts.restored.name}${link.length === 0 ? '' : ` over ${link.join(', ')}`}`
}

/** The two hosts and the offset of their clocks; undefined if one host dumped and restored. */
export function hostsLine(suites: readonly SuiteResults[]): string | undefined {
  const hosts = suites.find((suite) => suite.hosts)?.hosts
  if (!hosts) return undefined
  const { dumped, restored, clock } = hosts
  const offset = `${clock.offset < 0 ? '−' : '+'}${Math.abs(clock.offset).toFixed(3)} ms ± ${clock.bound.toFixed(3)}`
  return (
    `dumped on ${describeHost(dumped)}, restored on ${describeHost(restored)}; ` +
    `clock offset of the second host ${offset} (best of ${clock.probes} probes); no figure mixes the two clocks`
  )
}

const describeHost = ({ name, kernel }: HostsResults['dumped']): string => `${name} (kernel ${kernel})`
