import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { COMPILE_CACHE } from '../installation/paths.ts'

/** The root folder of the project. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
export const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
export const CLI = [process.execPath, fileURLToPath(new URL('../cli/main.ts', import.meta.url))]

type Environment = Readonly<Record<string, string>>

export interface Ended {
  /** Exit status, or the name of the signal that ended the command. */
  readonly status: number | string
  readonly stdout: string
  readonly stderr: string
}

/** A running command in a new process group, like the foreground job of a terminal. */
export interface Running {
  readonly child: ChildProcess
  /** The process group. Ctrl-C in a terminal sends SIGINT to the whole group. */
  readonly group: number
  /** Waits for a matching line of stdout or stderr. Fails the test if the command ends first. */
  readonly says: (pattern: RegExp) => Promise<string>
  readonly ended: Promise<Ended>
}

/** Starts a command. It gets PATH, but no other variable of this process' environment. Node keeps what it compiles. */
export function start(
  [program = '', ...args]: readonly string[],
  environment: Environment = {},
  folder = PROJECT,
): Running {
  const child = spawn(program, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: '/root',
      NO_COLOR: '1',
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      ...environment,
    },
  })
  const lines: string[] = []
  const output = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (output[name] += text))
    createInterface(child[name]).on('line', (line) => {
      lines.push(line)
      child.emit('line')
    })
  }
  const ended = once(child, 'close').then(([code, signal]: Array<number | string | null>) => {
    return { status: code ?? signal ?? 'unknown', ...output }
  })
  const says = async (pattern: RegExp): Promise<string> => {
    for (;;) {
      const line = lines.find((candidate) => pattern.test(candidate))
      if (line !== undefined) return line
      const over = await Promise.race([once(child, 'line').then(() => undefined), ended])
      if (over) expect.fail(`the command ended without printing ${pattern}:\n${over.stdout}${over.stderr}`)
    }
  }
  return { child, group: child.pid ?? 0, says, ended }
}

/** The user's own settings for npm: without them it cannot fetch anything behind a proxy or an authority of their own. */
export const npmSettings = (): Environment =>
  Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && NPM_SETTING.test(name) ? [[name, value]] : [],
    ),
  )

const NPM_SETTING =
  /^(npm_config_(ca|cafile|cache|globalconfig|https_proxy|noproxy|proxy|registry|strict_ssl|userconfig)|(https?|no)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))$/i

/** Runs a command until it ends. */
export const outcomeOf = (
  argv: readonly string[],
  environment?: Environment,
  folder?: string,
): Promise<Ended> => start(argv, environment, folder).ended

/** Runs `vitest-criu COMMAND` until it ends. */
export const cli = (command: readonly string[], environment?: Environment): Promise<Ended> =>
  outcomeOf([...CLI, ...command], environment)

/** The words for `npx vitest bench --run`. Node itself loads the configuration, which takes less time than bundling it. */
export const BENCH = [process.execPath, VITEST, 'bench', '--run', '--configLoader', 'native']

/** Starts bench/restore.bench.ts as a user does, but with only 2 samples. */
export const startBench = (
  args: readonly string[],
  environment: Environment = {},
  wrapper: readonly string[] = [],
): Running =>
  start([...wrapper, ...BENCH, 'bench/restore.bench.ts', ...args], {
    VITEST_CRIU_ITERATIONS: '2',
    VITEST_CRIU_WARMUP: '0',
    ...environment,
  })
