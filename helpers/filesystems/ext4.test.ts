import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { hostPath, localHost, type Host } from '../host/host.ts'
import { readMounts } from '../mount/mounts.ts'
import { run } from '../process/process.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { MB } from '../units.ts'
import { ext4 } from './ext4.ts'

const POINT = '/run/point'
const NAME = `vitest-criu-ext4-${process.pid}`

async function command(host: Host, ...argv: string[]): Promise<string> {
  return (await run(host, { argv, failed: argv.join(' '), fix: 'look', timeout: 20_000 })).stdout
}

/** The files behind loop devices that are ours, of the whole machine. */
const loops = async (): Promise<string[]> =>
  (await command(localHost, 'losetup', '--list', '--noheadings', '--output', 'BACK-FILE'))
    .split('\n')
    .filter((file) => file.includes('/vitest-criu-'))

test('ext4 on a loop device keeps its files when its cache is dropped, and frees the device when it is unmounted', async () => {
  const before = await loops()
  await using sandbox = await openSandbox(NAME)
  await command(sandbox, 'mkdir', POINT)
  await using undo = new AsyncDisposableStack()
  const mounted = undo.use(await ext4.mount(sandbox, POINT, 64 * MB))
  const file = hostPath(sandbox, join(POINT, 'file'))
  await writeFile(file, Buffer.alloc(8 * MB, 'x'))
  await mounted.dropCache?.()
  expect(await command(sandbox, 'fincore', '--noheadings', '--output', 'PAGES', join(POINT, 'file'))).toMatch(/^ *0$/m) // prettier-ignore
  expect((await readFile(file)).equals(Buffer.alloc(8 * MB, 'x'))).toBe(true)
  expect(await loops()).toHaveLength(before.length + 1)
  await undo.disposeAsync()
  expect((await readMounts(sandbox)).some(({ point }) => point === POINT)).toBe(false)
  expect(await loops()).toEqual(before)
})

test('the loop device and its file disappear when the sandbox is killed', async () => {
  const before = await loops()
  await using sandbox = await openSandbox(NAME)
  await command(sandbox, 'mkdir', POINT)
  await ext4.mount(sandbox, POINT, 64 * MB)
  process.kill(sandbox.init, 'SIGKILL')
  await vi.waitFor(async () => expect(await loops()).toEqual(before), 5000)
  expect(await command(localHost, 'find', '/var/tmp', '-maxdepth', '1', '-name', 'vitest-criu-*')).toBe('')
})
