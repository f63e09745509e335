import { beforeEach, describe, expect, test } from 'vitest'
import { filesystem } from '../filesystems/index.ts'
import { handlerNamed } from '../handlers/handler.ts'
import { CONTAINER } from '../testing/checkpoints.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { noServer, openSecondMachine, type SecondMachine } from '../testing/ssh-server.ts'
import { MB } from '../units.ts'
import { prepare } from '../trial/prepare.ts'
import { strategyNamed } from '../trial/strategies/index.ts'
import { runTrial } from '../trial/trial.ts'
import { openHosts, type TwoHosts } from './hosts.ts'

beforeEach(({ skip }) => {
  const reason = noServer()
  if (reason !== undefined) skip(reason)
})

const onMachine = (action: (machine: SecondMachine) => Promise<void>): Promise<void> =>
  expectNothingLeft(async () => {
    await using machine = await openSecondMachine()
    await action(machine)
  })

const open = ({ url, sshConfig, network }: SecondMachine): Promise<TwoHosts> =>
  openHosts(
    { restoreOn: url, containerName: CONTAINER, sshConfig, network, programs: ['ceph-fuse'] },
    () => {},
  )

describe('another machine', { timeout: 120_000 }, () => {
  test('restores with each strategy what this one dumped', () =>
    onMachine(async (machine) => {
      await using hosts = await open(machine)
      const plan = {
        filesystem: filesystem('ceph'),
        size: 4 * MB,
        handler: handlerNamed('native'),
        strategies: ['mapped', 'lazy', 'eager'].map(strategyNamed),
        containerName: CONTAINER,
        restoreOn: hosts.restores,
        iterations: 1,
        warmup: 0,
      }
      await using prepared = await prepare(hosts.dumps, plan, () => {})
      for (const checkpoint of prepared.checkpoints) {
        expect((await runTrial(checkpoint)).sample.checksum).toBe(checkpoint.checksum)
        await prepared.mounted.dropCache?.()
        expect((await runTrial(checkpoint)).sample.checksum).toBe(checkpoint.checksum)
      }
    }))
})
