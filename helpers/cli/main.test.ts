import { expect, test } from 'vitest'
import { cli } from '../testing/commands.ts'

test('vitest-criu --help lists every command', async () => {
  expect((await cli(['--help'])).stdout).toMatchInlineSnapshot(`
    "Usage: vitest-criu [options] [command]

    Benchmarks as tests: how fast a process starts from a CRIU checkpoint.

    Options:
      -V, --version                     print the version
      -h, --help                        print this help

    In a project:
      init [options]                    write a configuration, a suite and a
                                        workflow; existing files are kept
      report [options] [RESULTS]        write every report of a results.json again,
                                        into its folder, unless that has another run
      comment [options] [RESULTS]       write the Markdown of a comment on a pull
                                        request
      compare [options] <BEFORE> <NOW>  compare the results of one run with those of
                                        an earlier one, as with a baseline
      calibrate [options]               measure which injected delays the gate
                                        finds, and how often it reports a regression
                                        in unchanged code
      doctor [options]                  check that this machine has what a run
                                        needs, and name each fix
      clean [options]                   remove what a killed run left
      completion <SHELL>                print a script that makes bash, zsh or fish
                                        complete commands and options
      help [command]                    print the help of a command

    The reference's steps, one by one:
      mount                             mount tmpfs on ROOTFS_ABS_PATH
      rootfs                            export the base image criu to
                                        ROOTFS_ABS_PATH
      dump [MEMORY_SIZE]                start the handler on the host and dump it
      copy                              copy images and files to ROOTFS_ABS_PATH
      restore                           restore in the lean container CONTAINER_NAME
      unmount                           undo the steps

    About a checkpoint:
      explain [options] <IMAGES>        show how the strategy mapped restores each
                                        memory area of a dump, and why

    The steps read ROOTFS_ABS_PATH, CONTAINER_NAME, MEMORY_SIZE and BASE_IMAGE from the environment.

    Measure:
      npx vitest bench --run           measure every suite, and print the table
      npx vitest bench --run -t 64MB   measure one size
    "
  `)
})

test('vitest-criu has the short forms that people try', async () => {
  const help = await cli(['--help'])
  expect(await cli(['-h'])).toEqual(help)
  expect(await cli(['help'])).toEqual(help)
  expect(await cli(['-V'])).toEqual(await cli(['--version']))
  expect((await cli(['help', 'doctor'])).stdout).toMatch(/^Usage: vitest-criu doctor .*--json/s)
})

test('vitest-criu without a command, or with an unknown one, prints the help and fails', async () => {
  const help = (await cli(['--help'])).stdout
  expect(await cli([])).toEqual({ status: 1, stdout: '', stderr: help })
  const { status, stderr } = await cli(['doctr'])
  expect(status).toBe(1)
  expect(stderr).toBe(`error: unknown command 'doctr'\n(Did you mean doctor?)\n\n${help}`)
})
