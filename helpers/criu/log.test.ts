import { expect, test } from 'vitest'
import { dumpTotal, firstErrors, RESTORE, stagesIn } from './log.ts'
import { explainFailure } from './restore.ts'

const LOG = `(00.000123) Version: 4.1.1 (gitid 0)
(00.000200) Warn  (criu/log.c:1): an Error that is not one
(00.000300) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted
(00.001000) Error (criu/files-reg.c:2231): File usr/bin/python3.11 has bad size 1 (expect 6831736)
(00.001001) Error (criu/files-reg.c:2266): second
(00.001002)      1: Error (criu/mem.c:9): third
(00.001003) Error (criu/cr-restore.c:2536): Restoring FAILED.
`

test('firstErrors returns the first error lines of a log, which name the cause', () => {
  expect(firstErrors(LOG)).toMatchInlineSnapshot(`
    "(00.001000) Error (criu/files-reg.c:2231): File usr/bin/python3.11 has bad size 1 (expect 6831736)
    (00.001001) Error (criu/files-reg.c:2266): second
    (00.001002)      1: Error (criu/mem.c:9): third"
  `)
})

test('firstErrors returns nothing for a log without errors', () =>
  expect(firstErrors('(00.1) all well\n')).toBe(''))

test("dumpTotal returns the time stamp of CRIU's last message, in ms", () => {
  expect(dumpTotal('(00.000100) Dumping\n(01.028233) Dumping finished successfully\n')).toBeCloseTo(
    1028.233,
    9,
  )
  expect(dumpTotal(LOG)).toBeUndefined()
})

test("stagesIn adds up CRIU's stages, those of a second process included", () => {
  const log = `(00.000100) Version: 4.2
(00.001000) Reading image tree
(00.001500) Forking task with 7 pid (flags 0x0)
(00.002000)      7: Restoring resources
(00.002500) pie: 7: Switched to the restorer 7
(00.002600)      8: Restoring resources
(00.002900) pie: 8: Switched to the restorer 8
(00.004000) net: Unlock network
(00.004250) Restore finished successfully. Tasks resumed.
(00.009000) Writing stats
`
  const stages = stagesIn(log, RESTORE)
  expect(stages).toEqual({
    start: 1,
    'read images': 0.5,
    fork: 0.5,
    'open files': 0.8,
    memory: 1.2,
    resume: 0.25,
  })
  expect(Object.keys(stages)).toEqual(['start', 'read images', 'fork', 'open files', 'memory', 'resume'])
  expect(stagesIn('', RESTORE)).toEqual({})
})

test.each([
  [LOG, 'dump and copy again: a file that the process had open has another size now'],
  [
    "Error: Can't open file usr/lib/x: No such file",
    'copy again: the rootfs lacks a file that the process had open',
  ],
  ['Error: something new', "search CRIU's issues for the first error line"],
])('explainFailure names the fix for a failed restore (%#)', (stderr, fix) => {
  expect(explainFailure(stderr).fix).toBe(fix)
})

test('explainFailure shows the whole output if there is no error line', () => {
  expect(explainFailure('criu: unknown option\n').log).toBe('criu: unknown option')
})
