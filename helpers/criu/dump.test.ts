import { expect, test } from 'vitest'
import { reporting } from '../handlers/handler.ts'
import { withCheckpoint } from '../testing/checkpoints.ts'
import { messageOf, steady } from '../testing/messages.ts'

/** A handler that opens an io_uring, which CRIU cannot dump, and says it is ready. */
const ring = reporting('io_uring', async () => ['/usr/bin/python3', '-I', '-S', '-c', RING])
const RING = `
import ctypes, sys, time
IO_URING_SETUP = 425
assert ctypes.CDLL(None).syscall(IO_URING_SETUP, 8, ctypes.create_string_buffer(120)) >= 0
with open(sys.argv[3], "a") as report:
    report.write('{"event":"ready","pid":0,"size":1,"checksum":"0"}\\n')
time.sleep(1000)
`

test('a process that CRIU cannot dump is told with the first error line of CRIU, and the mend', async () => {
  const message = await messageOf(() => withCheckpoint({ handler: ring }, async () => 'dumped'))
  expect(steady(message)).toMatchInlineSnapshot(`
    "cannot dump process PID to /var/lib/vitest-criu/rootfs/.dump
      found:    that CRIU gave up
      expected: "Dumping finished successfully"
      mend:     the process has a file open that CRIU cannot dump, such as an io_uring: start it without
      log:      pie: PID: Error (criu/pie/parasite.c:LINE): send_fds failed (-22)
                (TIME) Error (criu/parasite-syscall.c:LINE): Can't retrieve FDs from socket
                (TIME) Error (compel/src/lib/infect-rpc.c:LINE): Message reply from daemon is trimmed (12/0)"
  `)
})
