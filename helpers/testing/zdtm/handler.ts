import { copyFile, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseHandler, type Handler } from '../../handlers/definition.ts'
import { commandLine, HANDLER_FOLDER, handlerFiles, hostEnvironment } from '../../handlers/handler.ts'
import { layOut } from '../../handlers/running.ts'
import { hostPath, type Host } from '../../host/host.ts'
import { run } from '../../process/process.ts'
import { MB } from '../../units.ts'
import type { Program } from './programs.ts'

/** The checksum of a program that has found nothing wrong. */
export const PASSED = 'PASS'

/** A program as a handler: a signal tells it to check itself, and the file that it writes then shows that it is done. */
export const restartable = ({ file, name, argv }: Program): Handler =>
  parseHandler({
    name: name.replaceAll(/[^\w.-]/g, '-'),
    command: [`./${file}`, ...argv],
    cwd: HANDLER_FOLDER,
    env: { TMPDIR: join(HANDLER_FOLDER, 'tmp'), ENV_00_TEST: 'ENV_00_TEST' },
    privileged: true,
    trigger: { signal: 'SIGTERM' },
    done: { file: `${file}.out` },
    checksum: ({ folder }) => lastWord({ file }, folder),
  })

/** PASSED, or the last line that a program has written; empty if it has written nothing. */
export async function lastWord({ file }: Pick<Program, 'file'>, folder: string): Promise<string> {
  const last = await lastLine(join(folder, `${file}.out`))
  if (/\bPASS\b/.test(last)) return PASSED
  return last || lastLine(join(folder, `${file}.out.inprogress`))
}

const lastLine = async (file: string): Promise<string> =>
  (await readFile(file, 'utf8').catch(() => '')).trim().split('\n').at(-1) ?? ''

/**
 * Starts a program in the handler's folder, in the namespaces of a handler. It becomes a daemon, and its starter ends when
 * it is ready. Returns its pid.
 */
export async function startProgram(host: Host, program: Program): Promise<number> {
  const handler = restartable(program)
  const folder = hostPath(host, HANDLER_FOLDER)
  await rm(folder, { recursive: true, force: true })
  await layOut(handler, folder, '0')
  await mkdir(join(folder, 'tmp'))
  await copyFile(join(program.folder, program.file), join(folder, program.file))
  const { log } = handlerFiles(HANDLER_FOLDER)
  const started = await run(host, {
    argv: ['sh', '-c', 'log=$1; shift; exec "$@" </dev/null >>"$log" 2>&1', 'sh', log,
      'env', '--ignore-environment', ...hostEnvironment(handler, HANDLER_FOLDER), ...(await commandLine(handler, MB, HANDLER_FOLDER))], // prettier-ignore
    failed: `cannot start ${program.name}`,
    fix: 'read its output',
    timeout: 30_000,
    accept: Array.from({ length: 256 }, (_, status) => status),
  })
  const pid = Number(await readFile(join(folder, `${program.file}.pid`), 'utf8').catch(() => ''))
  if (started.exitCode === 0 && pid > 0) return pid
  const said = (await lastWord(program, folder)) || (await lastLine(handlerFiles(folder).log))
  throw new Error(`it does not start here: ${said || `exit status ${started.exitCode}`}`)
}
