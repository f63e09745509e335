import { mkdir, readFile, statfs } from 'node:fs/promises'
import { relative } from 'node:path'
import { WITH_SYS_RESOURCE, WITHOUT_FILTER } from '../criu/dump.ts'
import type { Settings } from '../config/options.ts'
import { filesystem, filesystemNames, missingFilesystems } from '../filesystems/index.ts'
import { examineHost, finding, orFinding, type Finding } from '../hosts/check.ts'
import { openHostPair } from '../hosts/hosts.ts'
import { CriuBenchError } from '../errors.ts'
import { isPrebuilt } from '../programs/compile.ts'
import { localHost } from '../host/host.ts'
import { availableMemory } from '../machine/memory.ts'
import { isSupportedNode, NODE_FIX } from '../installation/node-version.ts'
import { CACHE, fixture } from '../installation/paths.ts'
import { run } from '../process/process.ts'
import { memoryRoom } from '../checkpoint/memory-requirements.ts'
import { strategyNamed } from '../strategies/index.ts'
import { describeBytes, formatSize, MB, type Bytes } from '../units.ts'
import { projectSettings } from './project.ts'

const BUILD_ROOM: Bytes = 500 * MB

/** What this machine needs in addition to what every host needs. */
const LOCAL_CHECKS = {
  seccomp,
  disk,
  compiler,
  python,
  'other users': otherUsers,
  'lazy restore': lazy,
}

/** What depends on the options of this project. */
const CONFIGURED_CHECKS = { memory, ceph }

/** Checks everything that a run needs: on this machine, then on the second host. */
export async function examine(): Promise<Finding[]> {
  // On an older Node the other checks themselves would fail.
  if (node().fix !== undefined) return [node()]
  const findings = [node(), ...(await examineHost(localHost))]
  let settings: Settings | undefined
  const configuration = await orFinding('configuration', async () => {
    settings = await projectSettings()
    return { name: 'configuration', found: `results in ${relative(process.cwd(), settings.output)}` }
  })
  for (const [name, check] of Object.entries(LOCAL_CHECKS)) findings.push(await orFinding(name, check))
  if (!settings) return [...findings, configuration]
  for (const [name, check] of Object.entries(CONFIGURED_CHECKS)) {
    const configured = settings
    findings.push(await orFinding(name, () => check(configured)))
  }
  return [...findings, configuration, ...(await examineSecondHost(settings))]
}

/** Checks the second host, if one is configured. The names of the findings include the host. */
async function examineSecondHost(settings: Settings): Promise<Finding[]> {
  const { restoreOn, sshConfig, link } = settings
  if (restoreOn === undefined) return []
  const programs = filesystemNames.flatMap((name) => filesystem(name).clientPrograms?.(settings) ?? [])
  try {
    const containerName = `vitest-criu-doctor-${process.pid}`
    await using pair = await openHostPair({ restoreOn, containerName, sshConfig, link, programs })
    const findings = await examineHost(pair.restoreHost, programs)
    return findings.map((each) => ({ ...each, name: `${each.name} on ${pair.name}` }))
  } catch (error) {
    if (!(error instanceof CriuBenchError)) throw error
    return [{ name: restoreOn, found: error.facts.log ?? error.facts.found, fix: error.facts.fix }]
  }
}

function node(): Finding {
  return finding('node', isSupportedNode(process.versions.node), process.version, NODE_FIX)
}

/** CRIU suspends the filters of a process to dump it. The kernel refuses that to a program that is under a filter itself. */
async function seccomp(): Promise<Finding> {
  const isFiltered = (await statusOf('Seccomp')) !== '0'
  return finding(
    'seccomp',
    !isFiltered,
    isFiltered ? 'this process is under a filter' : 'no filter',
    WITHOUT_FILTER,
  )
}

/** CAP_SYS_RESOURCE of the kernel's include/uapi/linux/capability.h. */
const CAP_SYS_RESOURCE = 24n

/** Optional: the handlers of this package run as root. */
async function otherUsers(): Promise<Finding> {
  const has = (BigInt(`0x${(await statusOf('CapEff')) || '0'}`) >> CAP_SYS_RESOURCE) % 2n === 1n
  return {
    name: 'other users',
    found: has
      ? 'their processes can be dumped'
      : `their processes cannot be dumped: no CAP_SYS_RESOURCE; ${WITH_SYS_RESOURCE}`,
  }
}

/** A field of this process's status. */
async function statusOf(field: string): Promise<string> {
  const status = await readFile('/proc/self/status', 'utf8')
  return new RegExp(`^${field}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? ''
}

async function memory(settings: Settings): Promise<Finding> {
  const available = await availableMemory()
  const largest = Math.max(...settings.sizes)
  const needed = memoryRoom(largest)
  const found = `${describeBytes(available)} available`
  return finding(
    'memory',
    available >= needed,
    found,
    `free ${describeBytes(needed)} to measure ${formatSize(largest)}, or leave it out: export VITEST_CRIU_SIZES=1MB,4MB`,
  )
}

async function disk(): Promise<Finding> {
  await mkdir(CACHE, { recursive: true })
  const { bavail, bsize } = await statfs(CACHE)
  const free = bavail * bsize
  return finding(
    'disk',
    free >= BUILD_ROOM,
    `${describeBytes(free)} free for ${CACHE}`,
    `free ${describeBytes(BUILD_ROOM)} of disk space`,
  )
}

async function compiler(): Promise<Finding> {
  if (await isPrebuilt(fixture('programs/lean-container')))
    return { name: 'compiler', found: 'not needed: the package contains compiled C programs' }
  await attempt(['gcc', '--version'], 'apt-get install gcc libc6-dev')
  return { name: 'compiler', found: 'gcc' }
}

async function python(): Promise<Finding> {
  const found = '/usr/bin/python3'
  await attempt([found, '-I', '-S', '-c', 'import mmap, zlib'], 'apt-get install python3')
  return { name: 'python', found }
}

/** `lazy` is optional, so the check never fails. It reports what the strategy lacks on this machine. */
function lazy(): Finding {
  return { name: 'lazy restore', found: strategyNamed('lazy').missing?.() ?? 'can be measured' }
}

/** `ceph` is optional as well. */
function ceph(settings: Settings): Finding {
  return {
    name: 'ceph',
    found: missingFilesystems([], settings)['ceph'] ?? 'can be measured',
  }
}

/** Throws CriuBenchError, which becomes the finding, when the program does not work. */
const attempt = (argv: readonly string[], fix: string): Promise<unknown> =>
  run(localHost, { argv, failed: `cannot run ${argv[0]}`, fix, timeout: 10_000 })
