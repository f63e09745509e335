import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hostPath } from '../host/host.ts'
import { WORK } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
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

test("a failed dump is reported with CRIU's first error lines and the fix", async () => {
  await expectNothingLeft(async () => {
    await using sandbox = await openSandbox(`vitest-criu-dump-${process.pid}`)
    const { stdout } = await run(sandbox, {
      argv: [
        'sh',
        '-c',
        `cd ${WORK}; setsid python3 -I -S -c "$1" </dev/null >log 2>&1 & echo $!`,
        'sh',
        RING,
      ],
      failed: 'cannot start the process',
      fix: 'install python3',
      timeout: 5000,
    })
    await expect.poll(() => existsSync(hostPath(sandbox, join(WORK, 'ready')))).toBe(true)
    const criu = [(await findCriu(() => {})).path]
    const images = join(WORK, 'images')
    const request = { criu, pid: Number(stdout), images, size: MB, leaveRunning: false }
    expect(steady(await messageOf(() => dump(sandbox, request)))).toMatchInlineSnapshot(`
      "cannot dump process PID to /var/lib/vitest-criu/images
        found:    a dump that CRIU aborted
        expected: "Dumping finished successfully" in CRIU's log
        fix:      start the process without the open file that CRIU cannot dump, such as an io_uring
        log:      pie: PID: Error (criu/pie/parasite.c:LINE): send_fds failed (-22)
                  (TIME) Error (criu/parasite-syscall.c:LINE): Can't retrieve FDs from socket
                  (TIME) Error (compel/src/lib/infect-rpc.c:LINE): Message reply from daemon is trimmed (12/0)"
    `)
  })
})
