import { execa } from 'execa'
import { readFile, readlink } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { expectNothingLeft } from '../testing/leaks.ts'
import { messageOf } from '../testing/messages.ts'
import { MB } from '../units.ts'
import { hostPath, type Host } from '../host/host.ts'
import { openNetwork, type Neighbour } from './network.ts'
import { run } from '../process/process.ts'

const NAME = `vitest-criu-network-${process.pid}`

/** What `host` hears from a server that answers on an address of another. */
const hear = async (host: Host, address: string): Promise<string> => {
  const script = `require('net').connect(4711, '${address}').on('data', (data) => console.log(String(data)))
    .on('error', ({ code }) => console.log(code)).on('end', () => process.exit())`
  const argv = [process.execPath, '--eval', script]
  return (await run(host, { argv, failed: 'cannot connect', fix: '', timeout: 10_000 })).stdout.trim()
}

const serve = (host: Host, answer: string, sent = JSON.stringify(answer)) =>
  run(host, {
    argv: [
      'sh',
      '-c',
      '"$@" >/dev/null 2>&1 & until ss --listening --tcp --numeric | grep -q :4711; do :; done',
      'sh',
      process.execPath,
      '--eval',
      `require('net').createServer((socket) => socket.end(${sent})).listen(4711)`,
    ],
    failed: 'cannot serve',
    fix: '',
    timeout: 10_000,
  })

const interfaces = async (): Promise<string> => readFile('/proc/net/dev', 'utf8')

test('hosts of a network reach each other by address, and do not see the interfaces of the machine', async () => {
  await expectNothingLeft(async () => {
    const outside = await interfaces()
    await using network = await openNetwork(NAME)
    await using one = await network.open(`${NAME}-1`)
    await using other = await network.open(`${NAME}-2`)
    const names = [one, other].map((host) => readlink(`/proc/${host.init}/ns/net`))
    expect(new Set([...(await Promise.all(names)), await readlink('/proc/self/ns/net')]).size).toBe(3)
    expect(one.address).not.toBe(other.address)
    await serve(one, 'the one')
    await serve(other, 'the other')
    expect(await hear(other, one.address)).toBe('the one')
    expect(await hear(one, other.address)).toBe('the other')
    expect(await hear(one, '127.0.0.1')).toBe('the one')
    expect(await readFile(hostPath(one, '/proc/1/net/dev'), 'utf8')).toMatch(/eth0:/)
    expect((await interfaces()).match(/^\s*\w+:/gm)).toEqual(outside.match(/^\s*\w+:/gm))
  })
})

test('a resource that a network owns is disposed of before the network', async () => {
  const order: string[] = []
  await expectNothingLeft(async () => {
    const network = await openNetwork(NAME)
    const host = await network.open(`${NAME}-1`)
    network.own({
      [Symbol.asyncDispose]: async () => {
        order.push((await interfacesOf(host)).includes('eth0') ? 'linked' : 'cut off')
        await host[Symbol.asyncDispose]()
      },
    })
    await network[Symbol.asyncDispose]()
  })
  expect(order).toEqual(['linked'])
})

const interfacesOf = (host: Host): Promise<string> => readFile(hostPath(host, '/proc/1/net/dev'), 'utf8')

/** Bits per second that `to` gets from `from`. */
const throughput = async (from: Neighbour, to: Neighbour): Promise<number> => {
  const bytes = 2 * MB
  await serve(from, '', `Buffer.alloc(${bytes})`)
  const script = `const start = performance.now(); let got = 0
    require('net').connect(4711, '${from.address}').on('data', ({ length }) => got += length)
      .on('end', () => console.log(got === ${bytes} ? got * 8000 / (performance.now() - start) : 0))`
  const argv = [process.execPath, '--eval', script]
  return Number((await run(to, { argv, failed: 'cannot receive', fix: '', timeout: 30_000 })).stdout)
}

describe('a limited link', () => {
  test('keeps to its bandwidth in both directions, and other links are faster', async () => {
    await expectNothingLeft(async () => {
      await using network = await openNetwork(NAME)
      const [free, held, other] = [
        await network.open(`${NAME}-1`),
        await network.open(`${NAME}-2`),
        await network.open(`${NAME}-3`),
      ]
      await using _hosts = disposing(free, held, other)
      await network.shape(held, { bandwidth: '20mbit' })
      // The first 256 kB may come at once.
      expect(await throughput(free, held)).toBeLessThan(25e6)
      expect(await throughput(held, free)).toBeLessThan(25e6)
      expect(await throughput(other, free)).toBeGreaterThan(50e6)
    })
  })

  const DELAYED = { delay: '200ms', bandwidth: '20mbit' }

  test('has its delay in both directions', async ({ skip }) => {
    if (!(await hasNetem())) skip('this kernel has no netem')
    await expectNothingLeft(async () => {
      await using network = await openNetwork(NAME)
      await using one = await network.open(`${NAME}-1`)
      await using other = await network.open(`${NAME}-2`)
      await serve(one, 'the one')
      await network.shape(other, DELAYED)
      const started = performance.now()
      expect(await hear(other, one.address)).toBe('the one')
      expect(performance.now() - started).toBeGreaterThan(2 * 200)
    })
  })

  test('cannot have a delay on a kernel without netem, and the error says so', async ({ skip }) => {
    if (await hasNetem()) skip('this kernel has netem')
    await expectNothingLeft(async () => {
      await using network = await openNetwork(NAME)
      await using other = await network.open(`${NAME}-1`)
      expect(await messageOf(() => network.shape(other, DELAYED))).toMatchInlineSnapshot(`
        "cannot limit a link to a delay of 200ms and 20mbit
          found:    nsenter exited with 2
          expected: exit status 0
          fix:      modprobe sch_netem, or remove the delay where this kernel has no netem: VITEST_CRIU_LINK=bandwidth=100mbit
          log:      Error: Specified qdisc kind is unknown."
      `)
    })
  })
})

const hasNetem = async (): Promise<boolean> => {
  const argv = ['unshare', '--net', 'tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms']
  return (await execa(argv[0] ?? '', argv.slice(1), { reject: false })).exitCode === 0
}

function disposing(...resources: readonly AsyncDisposable[]): AsyncDisposable {
  const stack = new AsyncDisposableStack()
  for (const resource of resources) stack.use(resource)
  return stack
}

test('a killed host takes both ends of its link with it, and the network still works', async () => {
  await expectNothingLeft(async () => {
    await using network = await openNetwork(NAME)
    await using killed = await network.open(`${NAME}-1`)
    process.kill(killed.init, 'SIGKILL')
    await using one = await network.open(`${NAME}-2`)
    await using other = await network.open(`${NAME}-3`)
    await serve(one, 'the one')
    expect(await hear(other, one.address)).toBe('the one')
  })
})
