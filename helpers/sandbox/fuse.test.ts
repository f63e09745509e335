import { existsSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { expectNothingLeft } from '../testing/leaks.ts'
import { hostPath } from '../host/host.ts'
import { start } from '../process/daemon.ts'
import { openSandbox } from './sandbox.ts'

/**
 * A FUSE server that answers its first request, FUSE_INIT, reads the second one and answers no more; that one is of a
 * child which has the server's device open, too: nothing in there ends its wait.
 */
const SERVER = `
import ctypes, os, struct, time
os.mkdir("/run/point")
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
assert ctypes.CDLL(None).mount(b"vitest-criu", b"/run/point", b"fuse", 0, options.encode()) == 0
unique, = struct.unpack_from("<Q", os.read(device, 1 << 20), 8)
answer = struct.pack("<IIIIHHIIHH8I", 7, 31, 0, 0, 0, 0, 4096, 1, 1, 0, *[0] * 8)
os.write(device, struct.pack("<IiQ", 16 + len(answer), 0, unique) + answer)
if os.fork() == 0:
    os.stat("/run/point")
os.read(device, 1 << 20)
open("/run/stuck", "w").close()
time.sleep(1000)
`

test.each(['ended', 'killed'])(
  'a process that waits forever for its FUSE server ends with its sandbox when that is %s',
  (how) =>
    expectNothingLeft(async () => {
      await using sandbox = await openSandbox(`vitest-criu-fuse-${process.pid}`)
      const argv = ['/usr/bin/python3', '-c', SERVER]
      const server = start(sandbox, { argv, failed: 'the FUSE server ended', fix: '' })
      const stuck = async (): Promise<string> => {
        while (!existsSync(hostPath(sandbox, '/run/stuck'))) await delay(10)
        return 'stuck'
      }
      expect(await Promise.race([stuck(), server.ended])).toBe('stuck')
      if (how === 'killed') process.kill(sandbox.init, 'SIGKILL')
    }),
  60_000,
)
