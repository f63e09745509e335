import { readFile, readlink } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { expectNothingLeft } from '../testing/leaks.ts'
import { seenFrom, type Host } from './host.ts'
import { openNetwork } from './network.ts'
import { run } from './process.ts'

const NAME = `vitest-criu-network-${process.pid}`

/** What `host` hears from a server that answers on an address of another. */
const hear = async (host: Host, address: string): Promise<string> => {
  const script = `require('net').connect(4711, '${address}').on('data', (data) => console.log(String(data)))
    .on('error', ({ code }) => console.log(code)).on('end', () => process.exit())`
  const argv = [process.execPath, '--eval', script]
  return (await run(host, { argv, failed: 'cannot connect', mend: '', timeout: 10_000 })).stdout.trim()
}

const serve = (host: Host, answer: string) =>
  run(host, {
    argv: [
      'sh',
      '-c',
      '"$@" >/dev/null 2>&1 & until ss --listening --tcp --numeric | grep -q :4711; do :; done',
      'sh',
      process.execPath,
      '--eval',
      `require('net').createServer((socket) => socket.end('${answer}')).listen(4711)`,
    ],
    failed: 'cannot serve',
    mend: '',
    timeout: 10_000,
  })

const interfaces = async (): Promise<string> => readFile('/proc/net/dev', 'utf8')

test('hosts of a network reach each other by address, and nothing of the machine', async () => {
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
    expect(await readFile(seenFrom(one, '/proc/1/net/dev'), 'utf8')).toMatch(/eth0:/)
    expect((await interfaces()).match(/^\s*\w+:/gm)).toEqual(outside.match(/^\s*\w+:/gm))
  })
})

test('what lives in a network ends with it, and before it', async () => {
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

const interfacesOf = (host: Host): Promise<string> => readFile(seenFrom(host, '/proc/1/net/dev'), 'utf8')

test('both ends of a link are gone when a host is killed, and the network goes on', async () => {
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
