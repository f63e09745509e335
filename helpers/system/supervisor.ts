/**
 * A process of its own: `supervisor.ts CGROUP_NAME SETUP_SCRIPT [UNSHARE_OPTION…]`. Holds a private mount and PID
 * namespace, and those that the options name, open for as long as its standard input is, which is a pipe from the process
 * that asked: when that one ends, however it ends, the pipe breaks, the namespaces go with everything mounted and running
 * in them, and the ledger's cgroups are removed.
 *
 * It writes one line to standard output: the pid, seen from outside, of the namespaces' init; or what went wrong.
 */
import { execa } from 'execa'
import { readFile } from 'node:fs/promises'
import { startTimeOf } from './pids.ts'
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
  holder.stdout.once('data', () => void announce(holder.pid))
  // A killed process with a thread inside a file system call that is not answered keeps its end of the pipe: it is the
  // end of what runs in here that answers such a call.
  setInterval(() => void endWithout(parent, holder), 1000)
  process.stdin.resume().once('end', () => holder.kill('SIGKILL'))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => holder.kill('SIGKILL'))
  const result = await holder
  await settle(process.pid)
  if (!holder.killed) process.stdout.write(`error ${result.stderr || result.message}\n`)
  process.exit()
}

async function endWithout(parent: number, holder: { kill: (signal: 'SIGKILL') => boolean }): Promise<void> {
  if ((await startTimeOf(parent)) === undefined) holder.kill('SIGKILL')
}

async function announce(holder = 0): Promise<void> {
  const children = await readFile(`/proc/${holder}/task/${holder}/children`, 'utf8')
  process.stdout.write(`init ${children.trim()}\n`)
}

await main(process.argv.slice(2))
