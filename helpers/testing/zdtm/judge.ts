import { execa } from 'execa'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { copyForRestore, DUMP_FOLDER, installLocally, populateRootfs } from '../../checkpoint/rootfs.ts'
import { findBaseImage } from '../../criu/base-image.ts'
import { criuCommand } from '../../criu/bundle.ts'
import { dump } from '../../criu/dump.ts'
import { tmpfs } from '../../filesystems/tmpfs.ts'
import { observer } from '../../handlers/observe.ts'
import { NOTHING_OPENED } from '../../handlers/opened.ts'
import { checkDumpable } from '../../handlers/preflight/index.ts'
import { dumpHostOf, networkOf } from '../../handlers/running.ts'
import { hostPath } from '../../host/host.ts'
import { makeFolder } from '../../host/folders.ts'
import { WORK } from '../../installation/paths.ts'
import { run } from '../../process/process.ts'
import { waitFor } from '../../process/wait.ts'
import { runRestore, type Checkpoint } from '../../restore/restore-run.ts'
import { openSandbox, type Sandbox } from '../../sandbox/sandbox.ts'
import { eager } from '../../strategies/eager.ts'
import { lazy } from '../../strategies/lazy.ts'
import { mapping } from '../../strategies/mapped.ts'
import type { Strategy } from '../../strategies/index.ts'
import { KB, MB } from '../../units.ts'
import { lastWord, PASSED, restartable, startProgram } from './handler.ts'
import { steadied, summaryOf, type Judgement, type Outcome } from './judgement.ts'
import { whyNotLazy, type Program } from './programs.ts'

/** Of `mapped`, every area is mapped that has a page: most of these programs are too small for the usual limit. */
const STRATEGIES: readonly Strategy[] = [eager, lazy, mapping(4 * KB)]

const ROOM = 2048 * MB
/** Milliseconds for a restored program to check itself. */
const LIMIT = 40_000

/** A sandbox with a rootfs, in which one program after the other is judged. */
export class Judge implements AsyncDisposable {
  readonly #sandbox: Sandbox
  readonly #point: string
  readonly #criu: readonly string[]
  /** The processes of the sandbox itself. */
  readonly #own: ReadonlySet<string>
  readonly #features = new Map<string, Promise<boolean>>()

  private constructor(sandbox: Sandbox, point: string, criu: readonly string[], own: ReadonlySet<string>) {
    this.#sandbox = sandbox
    this.#point = point
    this.#criu = criu
    this.#own = own
  }

  static async open(name: string): Promise<Judge> {
    const sandbox = await openSandbox(name)
    const point = join(WORK, 'rootfs')
    await makeFolder(sandbox, point)
    await tmpfs.mount(sandbox, point, ROOM)
    const rootfs = await populateRootfs(sandbox, await findBaseImage('build'), point, name)
    const criu = criuCommand(sandbox, await installLocally(sandbox, rootfs))
    return new Judge(sandbox, point, criu, new Set(await pidsOf(sandbox)))
  }

  /** The mounts end with the sandbox. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sandbox[Symbol.asyncDispose]()
  }

  /** Dumps a program once, and restores it with each strategy. */
  async judge(program: Program): Promise<Judgement> {
    const missing = await this.#missing(program)
    if (missing !== undefined) return { skipped: missing }
    try {
      const pid = await this.#dump(program)
      const outcomes = new Map<string, Outcome>()
      for (const strategy of STRATEGIES)
        outcomes.set(strategy.name, await this.#restore(program, strategy, pid))
      return { outcomes }
    } catch (error) {
      return { skipped: summaryOf(error) }
    } finally {
      await this.#clear()
    }
  }

  /** What this machine lacks for it. */
  async #missing({ file, folder, description }: Program): Promise<string | undefined> {
    if (!existsSync(join(folder, file))) return 'it does not build here, for lack of a library'
    for (const feature of description.feature.split(' ').filter(Boolean))
      if (!(await this.#hasFeature(feature))) return `this kernel lacks ${feature}`
    const script = join(folder, `${file}.checkskip`)
    if (!existsSync(script)) return undefined
    const { exitCode } = await execa(script, { cwd: folder, reject: false, timeout: 10_000 })
    return exitCode === 0 ? undefined : 'its own check says that this machine cannot run it (checkskip)'
  }

  #hasFeature(feature: string): Promise<boolean> {
    const known = this.#features.get(feature)
    if (known) return known
    const answer = run(this.#sandbox, {
      argv: [...this.#criu, 'check', '--no-default-config', '--feature', feature],
      failed: `cannot ask CRIU for ${feature}`,
      fix: 'run the command by hand',
      timeout: 20_000,
      accept: [0, 1],
    }).then(({ exitCode }) => exitCode === 0)
    this.#features.set(feature, answer)
    return answer
  }

  /** Starts and dumps it, and copies what its restores need. Returns its pid. */
  async #dump(program: Program): Promise<number> {
    const { opts, dopts } = program.description
    const pid = await startProgram(this.#sandbox, program)
    const inside = await networkOf(this.#sandbox, pid)
    await orBecause(
      'refused before the dump',
      checkDumpable(inside, { name: program.name, pid, hasOwnNetwork: true }),
    )
    const dumped = dump(await dumpHostOf(inside, pid), {
      criu: [...this.#criu, ...words(opts), ...words(dopts)],
      pid,
      images: join(this.#point, DUMP_FOLDER),
      size: MB,
      connections: true,
      leaveRunning: false,
    })
    await orBecause('CRIU cannot dump it', dumped)
    const further = { paths: [await observer()], links: [] }
    await orBecause('refused before the restore', copyForRestore(this.#sandbox, this.#point, further))
    return pid
  }

  async #restore(program: Program, strategy: Strategy, pid: number): Promise<Outcome> {
    const without = strategy === lazy ? whyNotLazy(program) : undefined
    if (without !== undefined) return { skipped: without }
    const { opts, ropts } = program.description
    const host = this.#sandbox
    const criu = [
      ...criuCommand(host, join(this.#point, '/.criu'), '/.criu'),
      ...words(opts),
      ...words(ropts),
    ]
    const rootfs = { path: this.#point, criu }
    const handler = restartable(program)
    const origin = { handler, size: MB, opened: NOTHING_OPENED }
    const containerName = this.#sandbox.containerName
    const folder = join(WORK, 'samples', containerName, 'handler')
    try {
      await strategy.prepare(host, rootfs, origin)
      const restorable = await strategy.open(host, rootfs, origin)
      const checkpoint: Checkpoint = { host, rootfs, restorable, containerName, pid, checksum: PASSED, ...origin } // prettier-ignore
      const failed = await runRestore(checkpoint, { timeout: LIMIT }).then(
        () => undefined,
        (error: unknown) => summaryOf(error),
      )
      // As for CRIU's own runner, the program's last word counts, and not how its children ended.
      const said = await lastWord(program, hostPath(host, folder))
      if (said === PASSED) return { passed: true, mapped: restorable.mapped }
      const own = steadied(said)
      return { failed: /FAIL|ERR/.test(own) ? own : [failed, own].filter(Boolean).join('; ') }
    } catch (error) {
      return { failed: summaryOf(error) }
    }
  }

  /** Ends what a program has left. It may start more in the meantime. */
  async #clear(): Promise<void> {
    const isClear = async (): Promise<boolean> => {
      const left = (await pidsOf(this.#sandbox)).filter((pid) => !this.#own.has(pid))
      if (left.length > 0) await this.#kill(left)
      return left.length === 0
    }
    await waitFor(isClear, {
      failed: 'cannot end what a program has left',
      found: 'processes that are still there',
      expected: 'none',
      fix: 'look at what they wait for: /proc/PID/stack',
      limit: 10_000,
    })
  }

  #kill(pids: readonly string[]): Promise<unknown> {
    return run(this.#sandbox, {
      argv: ['kill', '-KILL', ...pids],
      failed: 'cannot end what a program has left',
      fix: 'look at what its processes wait for',
      timeout: 5000,
      accept: [0, 1],
    })
  }
}

/** What fails, with the step in front. */
const orBecause = async (step: string, work: Promise<unknown>): Promise<void> => {
  try {
    await work
  } catch (cause) {
    throw new Error(`${step}: ${summaryOf(cause)}`, { cause })
  }
}

const words = (options: string): string[] => options.split(/\s+/).filter(Boolean)

const pidsOf = async (host: Sandbox): Promise<string[]> =>
  (await readdir(hostPath(host, '/proc'))).filter((name) => /^\d+$/.test(name))
