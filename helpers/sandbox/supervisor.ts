/**
 * A process of its own: `supervisor.ts CGROUP_NAME FURTHER_CGROUPS [own-network]`, where the second is a number. Holds a
 * private mount and PID namespace open for as long as its standard input is, which is a pipe from the process that asked:
 * when that one ends, however it ends, the pipe breaks, the namespaces go with everything mounted and running in them,
 * and the ledger's cgroups are removed.
 * What is on another machine, such as a folder on a shared file system, would stay: the scripts in CLEANUP_HOOKS are run
 * before.
 *
 * It writes lines to standard output: "note WHAT", for the user, before the others; "init PID", the pid of the namespaces'
 * init as seen from outside; "error WHAT" when the namespaces end unasked; "left WHAT" when something could not be ended.
 */
import { readFile } from 'node:fs/promises'
import { reasonOf, type CriuBenchError } from '../errors.ts'
import { localHost } from '../host/host.ts'
import { startTimeOf } from '../proc/stat.ts'
import { start } from '../process/daemon.ts'
import { run } from '../process/process.ts'
import { abortFuse, untilGone } from './fuse.ts'
import { record, settle, sweep } from './ledger.ts'
import { cleanUpScript, enterCommand, holdCommand, OWN_FOLDERS } from './namespaces.ts'

/** Milliseconds that killed processes have to be gone. */
const GONE_LIMIT = 20_000
/** Milliseconds between two looks at the process that asked. */
const LOOK = 1000
/** Seconds for each clean-up hook. */
const HOOK_LIMIT = 10

// Nobody may be left to read.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
const say = (line: string): boolean => process.stdout.write(`${line.replaceAll('\n', '; ')}\n`)

async function main(cgroup: string, further: number, ownNetwork: boolean): Promise<void> {
  const parent = process.ppid
  const { setAside } = await sweep()
  for (const file of setAside) say(`note set aside a ledger entry that cannot be read: ${file}`)
  await record(process.pid, cgroup, further)
  let init: number | undefined
  let leaving: Promise<void> | undefined
  const holder = start(localHost, {
    argv: holdCommand(OWN_FOLDERS, { ownNetwork }),
    failed: 'cannot hold private namespaces open',
    fix: 'run as root with CAP_SYS_ADMIN',
    onLine: (line) => {
      if (line === 'ready') void announce(holder.group).then((pid) => (init = pid))
    },
  })
  const leave = async (): Promise<void> => {
    if (init !== undefined) await runCleanupHooks(init)
    await holder[Symbol.asyncDispose]()
  }
  onEndOf(parent, () => void (leaving ??= leave()))
  // A killed process with a thread inside a file system call that is not answered keeps its end of the pipe: it is the
  // end of what runs in here that answers such a call. What does not succeed is tried again, and told by untilGone.
  setInterval(() => void (init !== undefined && abortFuse(init).catch(() => {})), LOOK)
  const error = await holder.ended
  const left = init === undefined ? undefined : await untilGone(init, GONE_LIMIT)
  const cgroups = await settle(process.pid)
  if (!leaving) say(`error ${causeOf(error)}`)
  if (left !== undefined) say(`left ${left}`)
  else if (cgroups.length > 0) say(`left the cgroup ${cgroups.join(', ')}`)
  process.exit()
}

const causeOf = ({ facts }: CriuBenchError): string => facts.log || facts.found

/** Calls back, possibly more than once, when the process that asked ends, or this one is asked to end. */
function onEndOf(parent: number, callback: () => void): void {
  process.stdin.resume().once('end', callback)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, callback)
  setInterval(() => void startTimeOf(parent).then((started) => started === undefined && callback()), LOOK)
}

/** Tells the init of the namespaces, the one child of the process that holds them. */
async function announce(holder: number): Promise<number> {
  const children = await readFile(`/proc/${holder}/task/${holder}/children`, 'utf8')
  say(`init ${children.trim()}`)
  return Number(children)
}

/** A hook that fails is no matter here: nobody may be left to be told, and the next run removes what it finds. */
const runCleanupHooks = (init: number): Promise<unknown> =>
  run(localHost, {
    argv: [...enterCommand(init), 'sh', '-c', cleanUpScript(HOOK_LIMIT)],
    failed: 'cannot run the clean-up hooks',
    fix: 'none needed: the next run on this machine removes what is left',
    timeout: (HOOK_LIMIT + 5) * 1000,
  }).catch(() => undefined)

const [cgroup = '', further, network] = process.argv.slice(2)
try {
  await main(cgroup, Number(further), network === 'own-network')
} catch (error) {
  say(`error ${reasonOf(error)}`)
  process.exit(1)
}
