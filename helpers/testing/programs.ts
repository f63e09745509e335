import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { StrategyName } from '../config/names.ts'
import { canLimitOthers } from '../handlers/preflight/tree.ts'
import { parseHandler, type Handler, type HandlerDefinition } from '../handlers/definition.ts'
import { fixture } from '../installation/paths.ts'
import { MB } from '../units.ts'

/** A program that nobody here wrote, or an interpreter of a script that fills its memory. */
export interface Program {
  readonly name: string
  /** What this machine must have for it, and the Debian package that brings it. */
  readonly needs: string
  readonly package: string
  /** Why a strategy cannot bring it back. */
  readonly cannot?: Readonly<Partial<Record<StrategyName, string>>>
  /** Whether its processes belong to another user than root, which it refuses. */
  readonly ownUser?: true
  /** Part of what it answers, before the dump and after each restore. */
  readonly answer: string
  /** Compiles it to a file, if it has to be. */
  readonly build?: (source: string, target: string) => readonly string[]
  readonly source?: string
  define(own: { readonly source: string; readonly target: string }): Omit<HandlerDefinition, 'name'>
}

const source = (name: string): string => fixture(join('foreign', name))

/** A program that is ready, reads a line, and prints its answer. */
const printing = (command: HandlerDefinition['command'], rest: Partial<HandlerDefinition> = {}) => ({
  command,
  memory: '128MB',
  ready: { line: 'ready' },
  trigger: { line: 'go' },
  done: { line: 'done' },
  ...rest,
})

const HTTP = '127.0.0.1:8080'
/** A server of HTTP. */
const serving = (command: HandlerDefinition['command'], rest: Partial<HandlerDefinition> = {}) => ({
  command,
  memory: '256MB',
  ready: { socket: HTTP },
  trigger: { request: `http://${HTTP}/` },
  done: 'response' as const,
  checksum: ({ body }: { body: string }) => body,
  ...rest,
})

/** A server of another protocol, whose answer ends with a certain text. */
const talking = (script: string, to: string, send: string, received: string) => ({
  command: ({ folder }: { folder: string }) => ['/bin/sh', '-c', script, 'sh', folder],
  memory: '256MB',
  ready: { file: 'filled' },
  trigger: { send, to },
  done: { received },
  network: true,
  checksum: ({ body }: { body: string }) => body,
})

const script = (interpreter: string, name: string) => ({
  needs: interpreter,
  answer: 'sum 15000100000',
  define: () => printing([interpreter, source(name)]),
})

const compiled = (name: string, ...flags: string[]) => ({
  name,
  package: 'gcc',
  needs: '/usr/bin/gcc',
  source: source('heap.c'),
  answer: 'sum 79999800000',
  build: (from: string, to: string) => ['gcc', '-g', '-O1', ...flags, '-o', to, from],
  define: ({ target }: { target: string }) => printing([target]),
})

const java = (name: string, ...flags: string[]) => ({
  name,
  package: 'default-jdk-headless',
  needs: '/usr/bin/javac',
  answer: 'sum 20000100000',
  define: () => serving(['/usr/bin/java', '-Xmx128m', ...flags, source('Server.java')], { memory: '512MB' }),
})

const nginx = (name: string, server: string, page: string, answer: string) => ({
  name,
  package: 'nginx-light',
  needs: '/usr/sbin/nginx',
  answer,
  define: () =>
    serving(({ folder }) => ['/bin/sh', '-c',
      `cd "$1" && printf '%s' "user root; daemon off; worker_processes 2; pid nginx.pid; error_log stderr; events {}
         http { access_log off; server { listen ${HTTP}; ${server} } }" >nginx.conf &&
       exec nginx -p "$1" -c "$1/nginx.conf"`, 'sh', folder],
      { trigger: { request: `http://${HTTP}/${page}` } }), // prettier-ignore
})

/** Programs that every machine with this project's packages has. */
export const SMALL: readonly Program[] = [
  compiled('heap of C'),
  { name: 'Perl', package: 'perl', ...script('/usr/bin/perl', 'table.pl') },
  {
    name: 'SQLite with a write-ahead log',
    package: 'python3',
    needs: '/usr/bin/python3',
    answer: 'sum 937487500\ncheck ok',
    define: () => printing(({ folder }) => ['/usr/bin/python3', '-I', source('wal.py'), folder]),
  },
]

/** What the workers of `preforkServer` share. */
export const SHARED = 256 * MB

/** A server whose workers share memory since their fork: gunicorn, which loads its application before it forks. */
export const preforkServer = (workers: number): Program => ({
  name: `gunicorn with ${workers} workers`,
  package: 'gunicorn',
  needs: '/usr/bin/gunicorn',
  answer: 'digests ',
  define: () =>
    serving(['/usr/bin/gunicorn', '--preload', '--workers', String(workers), '--timeout', '0', '--bind', HTTP, '--chdir', fixture('foreign'), 'preforked:app'],
      {
        env: { SIZE: String(SHARED), WORKERS: String(workers) },
        memory: (workers + 1) * (SHARED + 64 * MB),
        checksum: ({ body }) => body.replace(/^memory .*/m, ''),
      }), // prettier-ignore
})

const REDIS = 'DBSIZE\r\nGET key:99999\r\nDEL key:1 key:2\r\nDBSIZE\r\nFLUSHALL\r\nDBSIZE\r\nDEBUG POPULATE 100000 key 1000\r\nDBSIZE\r\nPING\r\n' // prettier-ignore
const MEMCACHED =
  'delete key1\r\nget key1\r\nset key1 0 0 5\r\nhello\r\nget key1\r\nget key2000\r\nversion\r\n'

/** What `npm run programs` adds. */
export const LARGE: readonly Program[] = [
  { name: 'Ruby', package: 'ruby', ...script('/usr/bin/ruby', 'table.rb') },
  { name: 'PHP', package: 'php-cli', ...script('/usr/bin/php', 'table.php') },
  { name: 'Lua', package: 'lua5.4', ...script('/usr/bin/lua5.4', 'table.lua') },
  compiled('address sanitizer', '-fsanitize=address'),
  {
    ...compiled('thread sanitizer', '-fsanitize=thread'),
    // CRIU reserves memory for all areas that it loads lazily, and this program maps terabytes.
    cannot: { lazy: 'Unable to reserve memory' },
  },
  {
    name: 'numpy with 256 MB',
    package: 'python3-numpy',
    needs: '/usr/lib/python3/dist-packages/numpy',
    answer: 'sum 562949919866880',
    define: () => printing(['/usr/bin/python3', source('array.py')], { memory: '640MB' }),
  },
  {
    name: 'Redis',
    package: 'redis-server',
    needs: '/usr/bin/redis-server',
    answer: ':100000\r\n',
    define: () =>
      talking(
        `redis-server --save '' --appendonly no --enable-debug-command local --dir "$1" &
         until redis-cli debug populate 100000 key 1000; do sleep 0.1; done; touch "$1/filled"; wait`,
        '127.0.0.1:6379', REDIS, '+PONG'), // prettier-ignore
  },
  {
    name: 'memcached',
    package: 'memcached',
    needs: '/usr/bin/memcached',
    answer: 'VALUE key1 0 5\r\nhello',
    define: () =>
      talking(`memcached -u root -l 127.0.0.1 & perl ${source('fill.pl')}; touch "$1/filled"; wait`, '127.0.0.1:11211', MEMCACHED, 'VERSION'), // prettier-ignore
  },
  nginx('nginx', `return 200 'a page';`, '', 'a page'),
  nginx('nginx with a static file', `root ${source('site')};`, 'page.txt', 'a file of its own'),
  {
    name: 'PHP with another file for each request',
    package: 'php-cli',
    needs: '/usr/bin/php',
    answer: 'sum 5000050000',
    define: () => serving(['/usr/bin/php', '-S', HTTP, '-t', source('site')]),
  },
  {
    name: 'gunicorn with Flask',
    package: 'gunicorn',
    needs: '/usr/bin/gunicorn',
    answer: 'sum 124999750250',
    define: () =>
      serving(['/usr/bin/gunicorn', '--workers', '2', '--timeout', '0', '--bind', HTTP, '--chdir', fixture('foreign'), 'app:app'],
        { trigger: { request: `http://${HTTP}/`, method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"add": 250}' } }), // prettier-ignore
  },
  {
    name: 'PostgreSQL',
    package: 'postgresql',
    needs: '/usr/lib/postgresql/15/bin/postgres',
    answer: 'sum 500000500000',
    ownUser: true,
    define: () => ({
      ...talking(
        `bin=/usr/lib/postgresql/15/bin; mkdir "$1/base" && chown postgres "$1" "$1/base" && chmod 755 "$1"
         as() { setpriv --reuid=postgres --regid=postgres --clear-groups -- "$@"; }
         cd "$1"; as $bin/initdb -D base -A trust --no-sync >&2 && as $bin/postgres -D base -c listen_addresses=127.0.0.1 -c unix_socket_directories="$1" -c fsync=off &
         until as $bin/psql -h 127.0.0.1 -d postgres -c 'create table t as select generate_series(1, 1000000) as n'; do sleep 0.2; done; touch filled; wait`,
        '127.0.0.1:5432', '', 'SELECT 1'),
      trigger: { send: postgresQuery("select 'sum ' || sum(n) from t"), to: '127.0.0.1:5432' },
      ready: { file: 'filled', within: '60s' },
    }), // prettier-ignore
  },
  java('Java'),
  java('Java with ZGC', '-XX:+UseZGC'),
  {
    name: 'Go with 5,000 goroutines',
    package: 'golang-go',
    needs: '/usr/bin/go',
    source: source('server.go'),
    answer: 'sum 24995000',
    build: (from, to) => ['go', 'build', '-o', to, from],
    define: ({ target }) => serving([target]),
  },
  {
    name: 'Node cluster',
    package: 'nodejs',
    needs: process.execPath,
    answer: 'sum 124999750000',
    define: () => serving([process.execPath, source('cluster.mjs')], { withoutIoUring: true, memory: '512MB', ready: { line: 'ready' } }), // prettier-ignore
  },
  {
    name: 'Node worker threads',
    package: 'nodejs',
    needs: process.execPath,
    answer: 'sum 499500000',
    define: () => printing([process.execPath, source('threads.mjs')], { withoutIoUring: true, memory: '512MB' }), // prettier-ignore
  },
]

/** A start-up message of the user postgres, and a query: https://www.postgresql.org/docs/current/protocol-message-formats.html. */
function postgresQuery(query: string): Buffer<ArrayBuffer> {
  const [start, text] = ['\0\x03\0\0user\0postgres\0database\0postgres\0\0', `${query}\0`]
  const [startLength, textLength] = [Buffer.alloc(4), Buffer.alloc(4)]
  startLength.writeUInt32BE(start.length + 4)
  textLength.writeUInt32BE(text.length + 4)
  return Buffer.concat([startLength, Buffer.from(start), Buffer.from('Q'), textLength, Buffer.from(text)])
}

/** Why this machine cannot run a program; undefined if it can. */
export async function missingFor(program: Program): Promise<string | undefined> {
  const { needs, ownUser, package: name } = program
  if (!existsSync(needs)) return `${needs} is missing; Debian's package is ${name}: bash .ci/setup programs`
  if (!ownUser || (await canLimitOthers())) return undefined
  return 'it does not run as root, and this machine lacks CAP_SYS_RESOURCE, which a dump of another user needs'
}

/** The handler of a program, which is compiled to a file in `folder` first. */
export function handlerOf(program: Program, folder: string): Handler {
  const target = join(folder, 'program')
  const { source: from = '', build } = program
  const [command = '', ...argv] = build?.(from, target) ?? []
  if (build) execFileSync(command, argv, { env: { ...process.env, GOCACHE: join(folder, 'cache') } })
  const name = program.name.replaceAll(/[^\w.-]+/g, '-')
  return parseHandler({ name, ...program.define({ source: from, target }) })
}
