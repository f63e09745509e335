import { z } from 'zod'
import { CriuBenchError } from '../../errors.ts'
import type { Host } from '../../host/host.ts'
import { fixture } from '../../installation/paths.ts'
import { converse } from '../../process/dialogue.ts'
import type { Administered } from './daemons.ts'

/** A connection to the monitors of a cluster. */
export type Monitors = Pick<Administered, 'command'> & AsyncDisposable

const Answer = z.tuple([z.int(), z.string(), z.string()])

/** As Ceph's own commands do: another python3 in PATH may not have its library. */
const PYTHON = '/usr/bin/python3'

/** Connects as administrator, once for all commands: each `ceph` would start Python and connect by itself. */
export function connect(host: Host, conf: string, fix: string): Monitors {
  const failed = 'cannot set up the test cluster'
  const dialogue = converse(host, {
    argv: [PYTHON, fixture('ceph-commands.py'), conf],
    failed,
    fix,
    timeout: 30_000,
  })
  return {
    command: async (prefix, words = {}) => {
      const answer = await dialogue.ask(JSON.stringify({ prefix, format: 'json', ...words }))
      const [status, output, found] = Answer.parse(JSON.parse(answer))
      if (status === 0) return output
      throw new CriuBenchError({ failed: `${failed}: ceph ${prefix}`, found, expected: 'status 0', fix })
    },
    [Symbol.asyncDispose]: () => dialogue[Symbol.asyncDispose](),
  }
}
