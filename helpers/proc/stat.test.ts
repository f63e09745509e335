import { execa } from 'execa'
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { parseStat, readStat, startTimeOf } from './stat.ts'

/** As the kernel prints it, of a process with that name. */
const statOf = (name: string): string =>
  `4711 (${name}) S 4242 815 815 34816 815 4194560 57113 300 66 7 210 31 40 5 20 0 1 0 90210 2703360 4 1844\n`

const EXPECTED = {
  parent: 4242,
  state: 'S',
  processGroup: 815,
  terminal: 34_816,
  flags: 4_194_560,
  minorFaults: 57_113,
  majorFaults: 66,
  cpuTicks: 210 + 31 + 40 + 5,
  startTime: '90210',
}

test.each(['sh', 'tmux: server', '(sd-pam)', 'a) R 1 (b', ') Z ', '', 'line\nbreak'])(
  'reads every field of a process whose name is "%s"',
  (name) => expect(parseStat(statOf(name))).toEqual({ name, ...EXPECTED }),
)

test('reads the process itself, as the kernel describes it', async () => {
  const status = await readFile('/proc/self/status', 'utf8')
  const stat = await readStat(process.pid)
  expect(stat?.name).toBe(/^Name:\t(.*)$/m.exec(status)?.[1])
  expect(stat?.startTime).toMatch(/^\d+$/)
  expect(stat?.minorFaults).toBeGreaterThan(0)
})

test('gives nothing for a process that has ended, and for a zombie', async () => {
  expect(await startTimeOf(2 ** 22 + 1)).toBeUndefined()
  // A program that does not wait for its child, which therefore stays a zombie. A shell would reap it at any time.
  const script = 'import os, sys; pid = os.fork() or os._exit(0); print(pid, flush=True); sys.stdin.read()'
  const parent = execa('python3', ['-c', script], { stdin: 'pipe' })
  const pid = String((await parent.iterable().next()).value)
  await expect.poll(async () => readFile(`/proc/${pid}/stat`, 'utf8')).toMatch(/\) Z /)
  expect(await readStat(pid)).toBeUndefined()
  parent.stdin.end()
  await parent
})
