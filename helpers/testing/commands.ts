import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

/** The project's own folder. */
export const PROJECT = fileURLToPath(new URL('../..', import.meta.url))
export const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
export const CLI = [process.execPath, fileURLToPath(new URL('../cli/main.ts', import.meta.url))]

type Environment = Readonly<Record<string, string>>

export interface Ended {
  /** Exit status; "SIGINT" or the like where a signal ended it. */
  readonly status: number | string
  readonly stdout: string
  readonly stderr: string
}

/** A command that runs in a process group of its own, as a terminal's foreground job does. */
export interface Running {
  readonly child: ChildProcess
  /** Its process group, for a signal to all of it: Ctrl-C in a terminal is SIGINT to this. */
  readonly group: number
  /** Waits for a line of either output that matches. Fails when the command ends without it. */
  readonly says: (pattern: RegExp) => Promise<string>
  readonly ended: Promise<Ended>
}

/** Starts a command in the project's folder, or another, with nothing of this test run's environment but PATH. */
export function start(
  [program = '', ...args]: readonly string[],
  environment: Environment = {},
  folder = PROJECT,
): Running {
  const child = spawn(program, args, {
    cwd: folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: '/root', NO_COLOR: '1', ...environment },
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
      if (over) expect.fail(`the command ended without saying ${pattern}:\n${over.stdout}${over.stderr}`)
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

/** Runs a command to its end. */
export const outcomeOf = (
  argv: readonly string[],
  environment?: Environment,
  folder?: string,
): Promise<Ended> => start(argv, environment, folder).ended

/** Runs `vitest-criu COMMAND` to its end. */
export const cli = (command: readonly string[], environment?: Environment): Promise<Ended> =>
  outcomeOf([...CLI, ...command], environment)

/** Starts the matrix as a user does: `npx vitest bench --run`, with the fewest samples. */
export const startBench = (
  args: readonly string[],
  environment: Environment = {},
  wrapper: readonly string[] = [],
): Running =>
  start([...wrapper, process.execPath, VITEST, 'bench', '--run', 'bench/restore.bench.ts', ...args], {
    VITEST_CRIU_ITERATIONS: '2',
    VITEST_CRIU_WARMUP: '0',
    ...environment,
  })
