/**
 * A process of its own: `supervisor.ts CGROUP_NAME SETUP_SCRIPT [UNSHARE_OPTION…]`. Holds a private mount and PID
 * namespace, and those that the options name, open for as long as its standard input is, which is a pipe from the process
 * that asked: when that one ends, however it ends, the pipe breaks, the namespaces go with everything mounted and running
 * in them, and the ledger's cgroups are removed.
 * What is on another machine, such as a folder on a shared file system, would stay: scripts in CLEANUP_HOOKS are run before.
 *
 * It writes one line to standard output: the pid, seen from outside, of the namespaces' init; or what went wrong.
 */
import { execa } from 'execa'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { abortFuse, untilGone } from './fuse.ts'
import { CLEANUP_HOOKS } from '../installation/paths.ts'
import { startTimeOf } from '../proc/stat.ts'
import { record, settle, sweep } from './ledger.ts'

// dash as PID 1 reaps orphans while it waits, which `sleep` alone would not.
const HOLD = 'echo ready; sleep infinity & wait'

async function main([cgroup = '', setup = '', ...more]: string[]): Promise<void> {
  const parent = process.ppid
  await sweep()
  await record(process.pid, cgroup)
  // If this process is killed, setpriv's signal ends unshare and unshare's ends the namespaces.
  const holder = execa(
    'setpriv',
    // prettier-ignore
    ['--pdeathsig', 'KILL', '--', 'unshare', '--mount', '--propagation', 'private', '--pid', '--fork',
     '--kill-child=SIGKILL', '--mount-proc', ...more, '--', 'sh', '-ec', `${setup}\n${HOLD}`],
    { stdin: 'ignore', stderr: 'pipe', reject: false, buffer: { stdout: false } },
  )
  const init = Promise.withResolvers<string>()
  let announced: string | undefined
  holder.stdout.once('data', () => void announce(holder.pid).then(init.resolve))
  void init.promise.then((pid) => (announced = pid))
  const leave = once(async () => {
    await runCleanupHooks(await Promise.race([init.promise, holder.then(() => '')]))
    holder.kill('SIGKILL')
  })
  // A killed process with a thread inside a file system call that is not answered keeps its end of the pipe: it is the
  // end of what runs in here that answers such a call.
  setInterval(() => {
    void endWithout(parent, leave)
    if (announced !== undefined) void abortFuse(announced)
  }, 1000)
  process.stdin.resume().once('end', leave)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, leave)
  const result = await holder
  if (announced !== undefined) await untilGone(announced, GONE_LIMIT)
  await settle(process.pid)
  if (!holder.killed) process.stdout.write(`error ${result.stderr || result.message}\n`)
  process.exit()
}

/** Milliseconds that what was killed has to end. */
const GONE_LIMIT = 20_000

async function endWithout(parent: number, leave: () => void): Promise<void> {
  if ((await startTimeOf(parent)) === undefined) leave()
}

async function announce(holder = 0): Promise<string> {
  const children = await readFile(`/proc/${holder}/task/${holder}/children`, 'utf8')
  process.stdout.write(`init ${children.trim()}\n`)
  return children.trim()
}

/** Milliseconds for each script: a server may be what has ended the run. */
const CLEANUP_LIMIT = 10_000

/** Runs what a run that could not end by itself has left to be done in its namespaces. */
async function runCleanupHooks(init: string): Promise<void> {
  const scripts = await readdir(join('/proc', init, 'root', CLEANUP_HOOKS)).catch(() => [])
  await Promise.all(
    scripts.map((script) =>
      execa(
        'nsenter',
        ['--target', init, '--mount', '--pid', '--root', '--', 'sh', join(CLEANUP_HOOKS, script)],
        {
          stdio: 'ignore',
          reject: false,
          timeout: CLEANUP_LIMIT,
          killSignal: 'SIGKILL',
        },
      ),
    ),
  )
}

function once(action: () => Promise<void>): () => void {
  let running: Promise<void> | undefined
  return () => void (running ??= action())
}

await main(process.argv.slice(2))
