import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hostPath, type Host } from '../host/host.ts'
import { fixture, WORK } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { openSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf, steady } from '../testing/messages.ts'
import { MB } from '../units.ts'
import { findCriu } from './binary.ts'
import { dump } from './dump.ts'

/**
 * Opens an io_uring, which CRIU cannot dump. Handlers are checked for it before the dump, so this test calls dump().
 */
const RING = `
import ctypes, time
IO_URING_SETUP = 425
assert ctypes.CDLL(None).syscall(IO_URING_SETUP, 8, ctypes.create_string_buffer(120)) >= 0
open("ready", "x").close()
time.sleep(1000)
`

/** Starts Python code on the host, which makes the file "ready", and dumps it by CRIU on `dumping`. Returns the message. */
async function dumpFailure(
  code: string,
  prefix: readonly string[] = [],
  dumping: (sandbox: Sandbox) => Host = (sandbox) => sandbox,
): Promise<string> {
  return expectNothingLeft(async () => {
    await using sandbox = await openSandbox(`vitest-criu-dump-${process.pid}`)
    const script = `cd ${WORK}; chmod 1777 .; setsid "$@" </dev/null >log 2>&1 & echo $!`
    const { stdout } = await run(sandbox, {
      argv: ['sh', '-c', script, 'sh', ...prefix, '/usr/bin/python3', '-I', '-S', '-c', code],
      failed: 'cannot start the process',
      fix: 'install python3',
      timeout: 5000,
    })
    await expect.poll(() => existsSync(hostPath(sandbox, join(WORK, 'ready')))).toBe(true)
    const criu = [(await findCriu(() => {})).path]
    const images = join(WORK, 'images')
    const request = { criu, pid: Number(stdout), images, size: MB, leaveRunning: false }
    return steady(await messageOf(() => dump(dumping(sandbox), request)))
  })
}

const WAIT = 'import time; open("ready", "x").close(); time.sleep(1000)'
/** Whatever this machine allows: CRIU runs with, and under, what these words say. */
const under =
  (...words: readonly string[]) =>
  (sandbox: Sandbox): Host => ({ ...sandbox, namespacePrefix: [...sandbox.namespacePrefix, ...words] })

test("a failed dump is reported with CRIU's first error lines and the fix", async () => {
  expect(await dumpFailure(RING)).toMatchInlineSnapshot(`
    "cannot dump process PID to /var/lib/vitest-criu/images
      found:    a dump that CRIU aborted
      expected: "Dumping finished successfully" in CRIU's log
      fix:      start the process without the open file that CRIU cannot dump, such as an io_uring
      log:      pie: PID: Error (criu/pie/parasite.c:LINE): send_fds failed (-22)
                (TIME) Error (criu/parasite-syscall.c:LINE): Can't retrieve FDs from socket
                (TIME) Error (compel/src/lib/infect-rpc.c:LINE): Message reply from daemon is trimmed (12/0)"
  `)
})

test('a dump of another user without CAP_SYS_RESOURCE names the capability', async () => {
  const message = await dumpFailure(WAIT, ['setpriv', '--reuid', '65534', '--clear-groups'], under('setpriv', '--bounding-set', '-sys_resource', '--')) // prettier-ignore
  expect(message).toMatchInlineSnapshot(`
    "cannot dump process PID to /var/lib/vitest-criu/images
      found:    a dump that CRIU aborted
      expected: "Dumping finished successfully" in CRIU's log
      fix:      dump a process of another user with CAP_SYS_RESOURCE, or run it as root; in a container: run it with --cap-add SYS_RESOURCE
      log:      (TIME) Error (criu/cr-dump.c:LINE): Can't get rlimit 0: Operation not permitted
                (TIME) Error (criu/cr-dump.c:LINE): Dump core (pid: 1005) failed with -1
                (TIME) Error (criu/cr-dump.c:LINE): Dumping FAILED."
  `)
})

test('a dump under a seccomp filter names the filter', async () => {
  const filtered = ['/usr/bin/python3', fixture('scenes/filtered.py')]
  expect(await dumpFailure(WAIT, filtered, under(...filtered))).toMatchInlineSnapshot(`
    "cannot dump process PID to /var/lib/vitest-criu/images
      found:    a dump that CRIU aborted
      expected: "Dumping finished successfully" in CRIU's log
      fix:      run CRIU without a seccomp filter; in a container: run it privileged, or with --security-opt seccomp=unconfined
      log:      (TIME) Error (compel/src/lib/ptrace.c:LINE): suspending seccomp failed: Operation not permitted
                (TIME) Error (compel/src/lib/infect.c:LINE): Unable to detach from 1005: No such process
                (TIME) Error (criu/cr-dump.c:LINE): Dumping FAILED."
  `)
})
