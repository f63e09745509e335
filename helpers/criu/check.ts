import { CriuBenchError } from '../errors.ts'
import type { Host } from '../host/host.ts'
import { run } from '../process/process.ts'
import { versionOf } from './bundle.ts'
import { firstErrors, withoutHarmless } from './log.ts'

/**
 * Lets the CRIU of a base image check the kernel of `host`, before anything is dumped with it. Returns its version. Throws
 * CriuBenchError that names the CRIU and says which one works.
 */
export async function checkCriu(host: Host, criu: readonly string[], image: string): Promise<string> {
  const facts = { failed: `cannot run the criu of the base image (${image})`, fix: BUILD }
  const check = await run(host, {
    argv: [...criu, 'check'],
    ...facts,
    timeout: 30_000,
    accept: Array.from({ length: 256 }, (_, status) => status),
  })
  if (check.exitCode !== 0 || !/Looks good/.test(check.stdout)) {
    throw new CriuBenchError({
      failed: `cannot use the base image (${image}): its criu ${await nameOf(host, criu)} does not work on this kernel`,
      found: `exit status ${check.exitCode} of \`criu check\``,
      expected: 'the output "Looks good." of `criu check`',
      fix: BUILD,
      log: firstErrors(check.stderr) || withoutHarmless(check.stderr || check.stdout),
    })
  }
  return versionOf(host, criu)
}

const BUILD =
  'use an image with a newer criu: 4.1.1 (Debian 13) supports the kernels since 6.13, 4.2 also their sockets; ' +
  'or set BASE_IMAGE=build to have one built here'

const nameOf = (host: Host, criu: readonly string[]): Promise<string> =>
  versionOf(host, criu).catch(() => 'of an unknown version')
