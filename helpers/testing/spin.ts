import type { Host } from '../host/host.ts'
import { start } from '../process/daemon.ts'

/** Keeps `count` processors busy, or that many programs waiting for them, until it is disposed of. */
export const spin = (host: Host, count: number): ReturnType<typeof start> =>
  start(host, {
    argv: ['sh', '-c', 'for _ in $(seq "$1"); do while :; do :; done & done; wait', 'sh', String(count)],
    failed: 'cannot spin',
    fix: 'none',
  })
