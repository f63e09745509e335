import { expect, test } from 'vitest'
import { fixForMissing } from './missing-file.ts'

test.each([
  ["FileNotFoundError: [Errno 2] No such file or directory: '/srv/page'", '/srv/page'],
  ["ModuleNotFoundError: No module named 'decimal'", 'decimal'],
  ["Error: ENOENT: no such file or directory, open '/srv/page'", '/srv/page'],
  ["Error: Cannot find module '/srv/late.js'", '/srv/late.js'],
  ['cat: ./page: No such file or directory', '/srv/page'],
  ['cat: /srv/page: No such file or directory', '/srv/page'],
  ['sh: 1: convert: not found', 'convert'],
  ['bash: line 1: convert: command not found', 'convert'],
  ['open() "/srv/page" failed (2: No such file or directory), client: 127.0.0.1', '/srv/page'],
  [
    'PHP Warning:  include(/srv/a.php): Failed to open stream: No such file or directory in /srv/b.php',
    '/srv/a.php',
  ],
])('the fix for a restored handler names the file that its output says is missing: %s', (output, file) => {
  expect(fixForMissing(`ready\n${output}\nmore`, { cwd: '/srv' })).toContain(`asked for ${file},`)
})

test('an output without a missing file has no such fix', () => {
  expect(fixForMissing('ready\nall well: /srv/page\n', { cwd: '/srv' })).toBeUndefined()
})
