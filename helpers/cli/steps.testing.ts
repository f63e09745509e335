import { expect } from 'vitest'
import { cli, type Ended } from '../testing/commands.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { steady } from '../testing/messages.ts'

/** The CONTAINER_NAME of these sessions. */
export const NAME = `vitest-criu-steps-${process.pid}`

/** A session of steps by hand on one rootfs. */
export interface Steps {
  readonly point: string
  readonly variables: Readonly<Record<string, string>>
  /** Runs one step. */
  readonly step: (command: string, ...more: string[]) => Promise<Ended>
  /** Runs steps that must succeed. Returns the output of the last one. */
  readonly runAll: (...commands: string[]) => Promise<string>
  /** Runs a step that must fail. Returns its message. */
  readonly failureOf: (command: string, ...more: string[]) => Promise<string>
}

/** Runs `action` with an empty folder for a rootfs. Expects that it leaves nothing, not even a mount. */
export const withSteps = (
  action: (steps: Steps) => Promise<void>,
  environment: Record<string, string> = {},
): Promise<void> =>
  expectNothingLeft(async () => {
    await using folder = await temporaryFolder()
    await action(stepsOn(folder.path, environment))
  })

/** Steps on a folder, with these environment variables. */
export function stepsOn(point: string, environment: Record<string, string>): Steps {
  const variables = { ROOTFS_ABS_PATH: point, CONTAINER_NAME: NAME, MEMORY_SIZE: '1048576', ...environment }
  const step: Steps['step'] = (...command) => cli(command, variables)
  const runAll: Steps['runAll'] = async (...commands) => {
    let output = ''
    for (const command of commands) {
      const { status, stdout, stderr } = await step(command)
      expect(status, `${command}: ${stderr}`).toBe(0)
      output = stdout
    }
    return output
  }
  const failureOf: Steps['failureOf'] = async (...command) => {
    const { status, stdout, stderr } = await step(...command)
    expect({ status, stdout }).toMatchObject({ status: 1 })
    return steady(stderr.replaceAll(/^▸ .*\n/gm, ''), [point, 'ROOTFS'], [NAME, 'NAME'])
  }
  return { point, variables, step, runAll, failureOf }
}
