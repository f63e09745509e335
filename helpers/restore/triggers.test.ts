import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseHandler, type HandlerDefinition } from '../handlers/definition.ts'
import { fixture } from '../installation/paths.ts'
import { strategyNamed } from '../strategies/index.ts'
import { withCheckpoints } from '../testing/checkpoints.ts'
import { temporaryFolder } from '../testing/folders.ts'
import { messageOf } from '../testing/messages.ts'
import { MB } from '../units.ts'
import { startRestore } from './restore-run.ts'

const PORT = '8093'
const TCP = `127.0.0.1:${PORT}`
const UNIX = 'door'

type Rest = Pick<HandlerDefinition, 'trigger' | 'done'> & Partial<HandlerDefinition>

/** A handler that runs fixtures/scenes/answering.py. */
const answering = (way: string, address: string, rest: Rest) =>
  parseHandler({
    name: `answering-${way}`,
    command: ['/usr/bin/python3', '-I', '-S', fixture('scenes/answering.py'), way, address === TCP ? PORT : address], // prettier-ignore
    memory: 16 * MB,
    ready: { line: 'ready' },
    ...rest,
  })

/** What it answers or prints, from scratch and restored. */
async function answersOf(
  handler: ReturnType<typeof answering>,
  strategies = ['plain', 'mapped'],
): Promise<string[]> {
  const plan = { handler, size: 16 * MB, strategies: strategies.map(strategyNamed) }
  return withCheckpoints(plan, async (checkpoints) => {
    const answers: string[] = []
    for (const checkpoint of checkpoints) {
      const { folder, ended } = await startRestore(checkpoint)
      const { sample, output } = await ended
      const worked = existsSync(join(folder, 'worked')) ? ' worked' : ''
      answers.push(`${sample.checksum}\n${output.handler}${worked}`)
    }
    return answers
  })
}

/** As the scene describes what it receives. */
const described = (data: string | Uint8Array): string =>
  `${data.length} bytes, ${createHash('sha256').update(data).digest('hex').slice(0, 16)}`

const body = ({ body: text }: { body: string }) => text

/** Expects the same answer from all strategies. */
async function expectAnswers(handler: ReturnType<typeof answering>, answer: string): Promise<void> {
  for (const each of await answersOf(handler)) expect(each).toContain(answer)
}

const BYTES = Uint8Array.of(0, 255, 128, 13, 0, 10)
const LONG = 'x'.repeat(5 * MB)

// oxlint-disable vitest/expect-expect -- expectAnswers()
describe('a handler gets, and answers from scratch and restored,', () => {
  test.each([
    ['text by TCP', TCP, 'PING\r\n'],
    ['bytes by a Unix socket', UNIX, BYTES],
  ])('%s', async (_, to, send) => {
    const handler = answering('ping', to, {
      trigger: { send, to },
      done: { received: '\r\n' },
      checksum: body,
    })
    await expectAnswers(handler, `+PONG ${described(send)}`)
  })

  test('a request with a method, headers and a body from a file of 5 MB', async () => {
    await using folder = await temporaryFolder()
    const file = join(folder.path, 'body')
    await writeFile(file, LONG)
    const trigger = { request: `http://${TCP}/`, method: 'PUT', headers: { 'X-Key': 'k 1' }, body: { file } }
    const handler = answering('http', TCP, { trigger, done: 'response', checksum: body })
    await expectAnswers(handler, `PUT, k 1, application/octet-stream, ${described(LONG)}`)
  })

  test('a request with a content type of its own, by a Unix socket', async () => {
    const headers = { 'content-type': 'application/json' }
    const trigger = { request: 'http://localhost/', method: 'POST', headers, body: '{}', socket: UNIX }
    const handler = answering('http', UNIX, { trigger, done: 'response', checksum: body })
    await expectAnswers(handler, `POST, None, application/json, ${described('{}')}`)
  })

  test('a line of 5 MB on its standard input, which ends with a newline', async () => {
    const handler = answering('stdin', 'none', { trigger: { line: LONG }, done: { line: 'done' } })
    await expectAnswers(handler, `done with ${described(`${LONG}\n`)}`)
  })
})

describe('a socket that is listened to', () => {
  test.each([TCP, UNIX])('counts as done only when its program accepts, at %s', async (socket) => {
    const handler = answering('late', socket, { trigger: { file: 'go' }, done: { socket }, checksum: false })
    for (const each of await answersOf(handler)) expect(each).toContain(' worked')
  })
})

describe('requests before the dump', () => {
  test.each([
    [0, 'request 1 imported its modules'],
    [10, 'request 11 had its modules'],
  ])('warm up what is restored: %s', async (warmups, answer) => {
    const bodies: string[] = []
    const handler = answering('count', TCP, {
      trigger: { request: `http://${TCP}/` },
      done: 'response',
      checksum: ({ body: text }) => `${bodies.push(text) > 0}`,
      warmups,
    })
    await answersOf(handler, ['mapped'])
    expect(bodies.at(-1)).toBe(answer)
  })
})

const failureOf = (way: string, rest: Rest): Promise<string> =>
  messageOf(() => answersOf(answering(way, TCP, rest), ['mapped']))

describe('what comes instead of an answer is told before the limit:', () => {
  const request = { trigger: { request: `http://${TCP}/` }, done: 'response' as const }

  test('an answer that is not HTTP', async () => {
    expect(await failureOf('short', request)).toMatchInlineSnapshot(`
      "the answering-short handler did not answer http://127.0.0.1:8093/
        found:    an answer that is not HTTP: hi
        expected: an HTTP answer
        fix:      send the request by hand, and look at the output of the handler below
        log:      ready"
    `)
  })

  test('an answer without the text that was to be received', async () => {
    const sent = { trigger: { send: 'GET / HTTP/1.0\r\n\r\n', to: TCP }, done: { received: '+PONG' } }
    expect(await failureOf('http', sent)).toMatchInlineSnapshot(`
      "the answering-http handler did not answer at 127.0.0.1:8093
        found:    an answer without '+PONG': HTTP/1.0 200 OK....GET, None, None, 0 bytes, e3b0c44298fc1c14
        expected: an answer as \`done\` says
        fix:      send the request by hand, and look at the output of the handler below
        log:      ready"
    `)
  })

  test('connections that end without an answer, after a restore', async () => {
    expect((await failureOf('silent', request)).replaceAll(/\d+ connections/g, 'N connections'))
      .toMatchInlineSnapshot(`
        "the answering-silent handler failed after its restore on /var/lib/vitest-criu/rootfs in the lean container (mapped)
          found:    no answer: 127.0.0.1:8093 has accepted and closed N connections
          expected: a handler that fulfils its \`done\`, and ends without an error
          fix:      read its output below; if it fails with the strategy plain as well, the restore is not the cause
          log:      observe: found no answer: 127.0.0.1:8093 has accepted and closed N connections"
      `)
  })
})
