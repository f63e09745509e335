import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { start } from '../process/daemon.ts'
import { run } from '../process/process.ts'
import { onceUp } from '../process/wait.ts'
import { missingPrograms } from '../programs/installed.ts'
import { openSandbox } from '../sandbox/sandbox.ts'
import { temporaryFolder } from './folders.ts'

/** A container engine with images of its own. */
export interface Engine extends AsyncDisposable {
  /** The variables that lead the engine's command to it. */
  readonly environment: Readonly<Record<string, string>>
}

/** Why these tests cannot have an engine; undefined if they can. */
export function noEngine(name: 'docker' | 'podman'): string | undefined {
  const [missing] = missingPrograms(name === 'docker' ? ['dockerd', 'docker'] : ['podman'])
  return missing === undefined ? undefined : `no ${missing} here: .ci/setup images`
}

/** Starts Docker's daemon on a socket of its own, with its images in memory and nothing on the network. */
export async function openDocker(name: string): Promise<Engine> {
  await using undo = new AsyncDisposableStack()
  const { path } = undo.use(await temporaryFolder())
  const sandbox = undo.use(await openSandbox(name))
  const facts = { failed: 'cannot start dockerd', fix: 'read its output' }
  await run(sandbox, { argv: ['mount', '-t', 'tmpfs', 'none', '/mnt'], ...facts, timeout: 10_000 })
  const socket = join(path, 'docker.sock')
  const dockerd = start(sandbox, {
    argv: ['dockerd', '--data-root', '/mnt/data', '--exec-root', '/mnt/exec', '--pidfile', '/mnt/pid',
      '--host', `unix://${socket}`, '--storage-driver', 'vfs', '--iptables=false', '--bridge=none'], // prettier-ignore
    ...facts,
  })
  const isUp = async (): Promise<boolean> =>
    existsSync(socket) &&
    (await execa('docker', ['--host', `unix://${socket}`, 'version'], { reject: false })).exitCode === 0
  const wait = { ...facts, found: 'no answer', expected: 'an answer to `docker version`', limit: 60_000, interval: 200 } // prettier-ignore
  undo.use(await onceUp(dockerd, isUp, wait))
  const owned = undo.move()
  return {
    environment: { DOCKER_HOST: `unix://${socket}` },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

/** podman with a storage of its own. The driver vfs works where overlayfs does not. */
export async function openPodman(): Promise<Engine> {
  const folder = await temporaryFolder()
  const conf = join(folder.path, 'storage.conf')
  const [root, state] = [join(folder.path, 'images'), join(folder.path, 'state')]
  await mkdir(root)
  await writeFile(conf, `[storage]\ndriver = "vfs"\ngraphroot = "${root}"\nrunroot = "${state}"\n`)
  return {
    environment: { CONTAINERS_STORAGE_CONF: conf },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

/** Imports a tarball as an image. */
export async function importImage(command: string, engine: Engine, tar: string, name: string): Promise<void> {
  await execa(command, ['import', tar, name], { env: engine.environment, timeout: 120_000 })
}
