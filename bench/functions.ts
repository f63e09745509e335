/** The functions that papers on serverless computing measure, as handlers: see bench/functions.bench.ts. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { localHost } from '../helpers/host/host.ts'
import { defineHandler, type Handler, type HandlerDefinition } from '../helpers/index.ts'
import { fixture } from '../helpers/installation/paths.ts'
import { run } from '../helpers/process/process.ts'
import { makeViaDraft } from '../helpers/programs/draft.ts'
import { hashOfFile } from '../helpers/programs/hash.ts'

/** A function of the suite. */
export interface BenchFunction {
  readonly name: string
  /** What this machine must have for it, and the Debian package that brings it. */
  readonly needs: string
  readonly package: string
  readonly definition: Omit<HandlerDefinition, 'name'>
}

const PROJECT = join(import.meta.dirname, '..')

const PYTHON = '/usr/bin/python3'
/** Where servers listen. */
const HTTP = '127.0.0.1:8080'

/** Functions that run where `checkpoint_here` and `checkpointHere` mark it. */
const python = (name: string, needs = PYTHON, from = 'python3'): BenchFunction => ({
  name: `python-${name}`,
  needs,
  package: from,
  definition: { command: [PYTHON, fixture('functions/functions.py'), name], memory: '128MB' },
})

const node = (name: string, memory: string): BenchFunction => ({
  name: `node-${name}`,
  needs: process.execPath,
  package: 'nodejs',
  definition: { command: [process.execPath, fixture('functions/functions.mjs'), name], memory, withoutIoUring: true }, // prettier-ignore
})

/** A script that fills a table, and answers each line with a sum over it. */
const script = (name: string, needs: string, source: string, from: string): BenchFunction => ({
  name,
  needs,
  package: from,
  definition: {
    command: [needs, fixture(`functions/${source}`)],
    memory: '128MB',
    ready: { socket: HTTP },
    trigger: { send: 'go\n', to: HTTP },
    done: { received: 'done' },
  },
})

const server = (
  name: string,
  needs: string,
  from: string,
  command: HandlerDefinition['command'],
  rest: Partial<HandlerDefinition> = {},
): BenchFunction => ({
  name,
  needs,
  package: from,
  definition: {
    command,
    memory: '256MB',
    ready: { socket: HTTP },
    trigger: { request: `http://${HTTP}/` },
    done: 'response',
    checksum: ({ body }) => body,
    ...rest,
  },
})

/** Builds a program once for each content of its source, and returns the folder with it. */
async function built(source: string, command: (folder: string) => readonly string[]): Promise<string> {
  const folder = join(
    PROJECT,
    'node_modules/.cache/vitest-criu',
    `${basename(source)}-${await hashOfFile(source)}`,
  )
  if (existsSync(folder)) return folder
  await makeViaDraft(folder, async (draft) => {
    await mkdir(draft)
    const env = { HOME: draft, GOCACHE: join(draft, 'cache') }
    await run(localHost, { argv: command(draft), failed: `cannot build ${source}`, fix: 'read its output below', timeout: 300_000, env }) // prettier-ignore
  })
  return folder
}

const SERVER_JAVA = fixture('foreign/Server.java')
const SERVER_GO = fixture('foreign/server.go')

/** The port opens when the keys are there, so that a start from scratch answers no earlier. */
const REDIS = `cd "$1"; redis-server --port 0 --unixsocket "$1/socket" --save '' --appendonly no --enable-debug-command local --dir "$1" &
until redis-cli -s "$1/socket" debug populate 100000 key 1000; do sleep 0.01; done
redis-cli -s "$1/socket" config set port 6379; touch "$1/filled"; wait`

/** All its files are in its own folder: a start from scratch sees no /var. */
const NGINX = `cd "$1" && mkdir -p site && head -c 10000 /dev/zero | tr '\\0' a > site/index.html
printf '%s' "user root; daemon off; worker_processes 1; pid nginx.pid; error_log stderr; events {}
  http { access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi; server { listen ${HTTP}; root $1/site; } }" > nginx.conf
exec nginx -e stderr -p "$1" -c "$1/nginx.conf"`

const shell =
  (text: string) =>
  ({ folder }: { folder: string }): string[] => ['/bin/sh', '-c', text, 'sh', folder]

export const FUNCTIONS: readonly BenchFunction[] = [
  ...['hello', 'json', 'gzip', 'aes', 'graph'].map((name) => python(name)),
  python('html', '/usr/lib/python3/dist-packages/jinja2', 'python3-jinja2'),
  python('matmul', '/usr/lib/python3/dist-packages/numpy', 'python3-numpy'),
  python('rotate', '/usr/lib/python3/dist-packages/PIL', 'python3-pil'),
  server('python-flask', '/usr/lib/python3/dist-packages/flask', 'python3-flask',
    [PYTHON, '-m', 'flask', '--app', fixture('foreign/app.py'), 'run', '--port', '8080'],
    { trigger: { request: `http://${HTTP}/`, method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"add": 250}' } }),
  node('hello', '128MB'),
  node('json', '512MB'),
  server('node-server', process.execPath, 'nodejs',
    [process.execPath, fixture('handlers/http-server.mjs'), '8080'], { withoutIoUring: true }),
  server('java-http', '/usr/bin/javac', 'default-jdk-headless',
    async () => ['/usr/bin/java', '-Xmx128m', '-cp', await built(SERVER_JAVA, (to) => ['javac', '-d', to, SERVER_JAVA]), 'Server'],
    { memory: '512MB' }),
  server('go-http', '/usr/bin/go', 'golang-go',
    async () => [join(await built(SERVER_GO, (to) => ['go', 'build', '-o', join(to, 'server'), SERVER_GO]), 'server')]),
  script('ruby', '/usr/bin/ruby', 'function.rb', 'ruby'),
  script('php', '/usr/bin/php', 'function.php', 'php-cli'),
  script('perl', '/usr/bin/perl', 'function.pl', 'perl'),
  server('nginx', '/usr/sbin/nginx', 'nginx-light', shell(NGINX), { memory: '64MB' }),
  {
    name: 'redis',
    needs: '/usr/bin/redis-server',
    package: 'redis-server',
    definition: {
      command: shell(REDIS),
      memory: '256MB',
      ready: { file: 'filled' },
      trigger: { send: 'GET key:99999\r\nPING\r\n', to: '127.0.0.1:6379' },
      done: { received: '+PONG' },
      checksum: ({ body }) => body,
    },
  },
] // prettier-ignore

/** Why this machine cannot run a function; undefined if it can. */
export const missingFor = ({ needs, package: from }: BenchFunction): string | undefined =>
  existsSync(needs) ? undefined : `${needs} is missing; Debian's package is ${from}: bash .ci/setup programs`

export const handlerOf = ({ name, definition }: BenchFunction): Handler =>
  defineHandler({ name, ...definition })
