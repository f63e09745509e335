import { expect, test } from 'vitest'
import { dumpTotal, firstErrors } from './log.ts'
import { explainFailure } from './restore.ts'

const LOG = `(00.000123) Version: 4.1.1 (gitid 0)
(00.000200) Warn  (criu/log.c:1): no Error here is meant
(00.000300) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted
(00.001000) Error (criu/files-reg.c:2231): File usr/bin/python3.11 has bad size 1 (expect 6831736)
(00.001001) Error (criu/files-reg.c:2266): second
(00.001002)      1: Error (criu/mem.c:9): third
(00.001003) Error (criu/cr-restore.c:2536): Restoring FAILED.
`

test('the first error lines of a log are the cause, the last ones the unwinding', () => {
  expect(firstErrors(LOG)).toMatchInlineSnapshot(`
    "(00.001000) Error (criu/files-reg.c:2231): File usr/bin/python3.11 has bad size 1 (expect 6831736)
    (00.001001) Error (criu/files-reg.c:2266): second
    (00.001002)      1: Error (criu/mem.c:9): third"
  `)
})

test('a log without errors has none', () => expect(firstErrors('(00.1) all well\n')).toBe(''))

test("the total of a dump is the time stamp of CRIU's last message, in ms", () => {
  expect(dumpTotal('(00.000100) Dumping\n(01.028233) Dumping finished successfully\n')).toBeCloseTo(
    1028.233,
    9,
  )
  expect(dumpTotal(LOG)).toBeUndefined()
})

test.each([
  [LOG, 'a file that the process had open has another size now: dump and copy again'],
  [
    "Error: Can't open file usr/lib/x: No such file",
    'the rootfs lacks a file that the process had open: copy again',
  ],
  ['Error: something new', 'search the first error line in the issues of CRIU'],
])('a failed restore is told with its fix (%#)', (stderr, fix) => {
  expect(explainFailure(stderr).fix).toBe(fix)
})

test('a failure without an error line shows all that was said', () => {
  expect(explainFailure('criu: unknown option\n').log).toBe('criu: unknown option')
})
