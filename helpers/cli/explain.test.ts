import { rm } from 'node:fs/promises'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { mm, smallestDump, vma, writeDump } from '../images/building.testing.ts'
import { vmaStatus } from '../images/vma.ts'
import { dumpOf } from '../images/real-dumps.testing.ts'
import { python } from '../images/real-scenes.testing.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { explainImages } from './explain.ts'

/** What `explain` says behind the tables of the processes. */
async function explained(code: string, ...before: string[]): Promise<string> {
  await using folder = await temporaryFolder()
  await dumpOf([...before, ...python([], code).command], folder.path)
  const text = await explainImages(folder.path, { json: false })
  return /^(shared memory|warning)[^]*/m.exec(text)?.[0].replaceAll(/process \d+/g, 'process PID') ?? ''
}

test('explain says how much shared memory a dump has, and that all of it is read before a process runs', async () => {
  const path = `/dev/shm/vitest-criu-explain-${process.pid}`
  onTestFinished(() => rm(path))
  const code = `
anonymous = mmap.mmap(-1, 8 << 20); anonymous.write(b'x' * (5 << 20))
file = os.memfd_create('segment'); os.write(file, b'x' * (2 << 20)); opened = mmap.mmap(file, 2 << 20)
libc.shmat.restype = ctypes.c_void_p
segment = libc.shmget(0, 1 << 20, 0o1600); ctypes.memset(libc.shmat(segment, None, 0), 7, 1 << 20)
shared = open('${path}', 'x+b'); shared.write(b'x' * 4096); shared.flush()
inode = mmap.mmap(shared.fileno(), 4096)
`
  const text = await explained(code, 'unshare', '--ipc')
  // Columns are as wide as the path.
  expect(text.replaceAll(path, '/dev/shm/PATH').replaceAll(/ +\|/g, ' |').replaceAll(/-+/g, '-'))
    .toMatchInlineSnapshot(`
      "shared memory: 8.0 MB, all of it read before a process runs, whatever the strategy

      | shared memory |   size | restored |
      | :- | -: | :- |
      | MAP_SHARED without a file | 5.0 MB | eager |
      | memfd segment | 2.0 MB | eager |
      | System V | 1.0 MB | eager |
      | /dev/shm/PATH | 4.0 kB | copied into the container by the launcher |
      "
    `)
})

test('explain warns of what can make a process differ from what it is with eager', async () => {
  const code = `
signal.signal(signal.SIGALRM, lambda *_: None); signal.setitimer(signal.ITIMER_REAL, 1000)
libc.prctl(38, 1, 0, 0, 0)
class Filter(ctypes.Structure): _fields_ = [('length', ctypes.c_ushort), ('lines', ctypes.c_char_p)]
libc.prctl(22, 2, ctypes.byref(Filter(1, struct.pack('HBBI', 6, 0, 0, 0x7fff0000))))
`
  expect(await explained(code)).toMatchInlineSnapshot(`
    "warning: process PID has a seccomp filter. After a restore by mapped, unlike eager: a new filter with a listener fails with EBUSY, SECCOMP_MODE_STRICT with EINVAL.

    warning: process PID has a timer whose signal interrupts calls (SIGALRM without SA_RESTART). After a restore by mapped, unlike eager: a discard of memory (madvise) may fail with EINTR: call it again.
    "
  `)
})

test('explain warns of a 32-bit process', async () => {
  const memory = { first: undefined, entries: [mm([vma(vmaStatus.REGULAR | vmaStatus.ANON_PRIVATE, 0n)])] }
  const folder = await writeDump(...smallestDump(), { file: 'mm-12.img', type: 'MM', ...memory })
  onTestFinished(() => rm(folder, { recursive: true }))
  expect(await explainImages(folder, { json: false })).toContain(
    'process 12 has 32-bit addresses only. After a restore by mapped, unlike eager: memory that it discards is overwritten with zeros, and not given back.',
  )
})

test('explain says nothing of shared memory, and warns of nothing, where there is none', async () => {
  const restarting =
    'signal.signal(signal.SIGALRM, lambda *_: None); signal.siginterrupt(signal.SIGALRM, False)'
  expect(await explained(`${restarting}; signal.setitimer(signal.ITIMER_REAL, 1000)`)).toBe('')
})

test('explain tells the same as JSON', async () => {
  await using folder = await temporaryFolder()
  await dumpOf(
    python([], "anonymous = mmap.mmap(-1, 1 << 20); anonymous.write(b'x' * 4096)").command,
    folder.path,
  )
  const told = Told.parse(JSON.parse(await explainImages(folder.path, { json: true })))
  expect(told.processes[0]?.areas.map(({ restored }) => restored)).toContain('eager')
  expect(told.shared).toEqual([expect.objectContaining({ what: 'MAP_SHARED without a file', size: 4096 })])
  expect(told.warnings).toEqual([])
})

const Told = z.object({
  processes: z.array(z.object({ areas: z.array(z.object({ restored: z.string() })) })),
  shared: z.array(z.unknown()),
  warnings: z.array(z.unknown()),
})
