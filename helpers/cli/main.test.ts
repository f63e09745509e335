import { expect, test } from 'vitest'
import { cli } from '../testing/commands.ts'

test('vitest-criu --help tells every command', async () => {
  expect((await cli(['--help'])).stdout).toMatchInlineSnapshot(`
    "Usage: vitest-criu [options] [command]

    Checkpoint/restore benchmarks as tests: what a start from a CRIU checkpoint
    costs.

    Options:
      --version                   tell the version
      --help                      tell this

    In a project:
      init [options]              write a configuration, a suite and a workflow,
                                  each where there is none yet
      report [options] [RESULTS]  write every report of a results.json anew, beside
                                  it
      compare <BEFORE> <NOW>      hold the results of one run against those of
                                  another, as a run does against its baseline
      calibrate [options]         measure what the gate finds of planted slow-downs,
                                  and how often it takes the same for slower
      doctor                      check what a run needs of this machine, with the
                                  fix
      clean                       remove what a killed run could not

    The reference's steps, one by one:
      mount                       mount tmpfs on ROOTFS_ABS_PATH
      rootfs                      export the base image criu to ROOTFS_ABS_PATH
      dump [MEMORY_SIZE]          start the handler on the host and dump it
      copy                        copy images and files to ROOTFS_ABS_PATH
      restore                     restore in the lean container CONTAINER_NAME
      unmount                     undo the steps

    About a checkpoint:
      explain <IMAGES>            tell what the mapped restore makes of each part of
                                  a dumped memory, and why

    The steps take ROOTFS_ABS_PATH, CONTAINER_NAME, MEMORY_SIZE and BASE_IMAGE of the environment.

    Measure:
      npx vitest bench --run           every suite; ends with the table
      npx vitest bench --run -t 64MB   one size
    "
  `)
})

test('vitest-criu without a command, or with one that is none, tells the same and fails', async () => {
  const help = (await cli(['--help'])).stdout
  expect(await cli([])).toEqual({ status: 1, stdout: '', stderr: help })
  const { status, stderr } = await cli(['doctr'])
  expect(status).toBe(1)
  expect(stderr).toBe(`error: unknown command 'doctr'\n(Did you mean doctor?)\n\n${help}`)
})
