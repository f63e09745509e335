import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { CephSettings } from '../../config/options.ts'
import { CriuBenchError, reasonOf } from '../../errors.ts'
import type { Service } from './service.ts'

/** The user's own cluster, as the option `ceph` describes it. Throws CriuBenchError when its files cannot be used. */
export async function existingCluster(conf: string, settings: CephSettings): Promise<Service> {
  const { user = 'admin', filesystem, path = '/' } = settings
  const keyring = settings.keyring ?? join(dirname(conf), `ceph.client.${user}.keyring`)
  const access = {
    conf: await read(conf, 'conf', 'the ceph.conf of a cluster'),
    keyring: await read(keyring, 'keyring', `a keyring with the key of client.${user}`),
    user,
    filesystem,
  }
  if (!access.keyring.includes(`[client.${user}]`))
    throw refusal(keyring, 'keyring', 'no such section', `[client.${user}] with its key`)
  return {
    access,
    path,
    description: `the cluster of ${conf}, ${filesystem ? `file system ${filesystem}, ` : ''}${path} as client.${user}`,
    outlives: true,
    // A client is not notified of lost servers: `diagnose` asks when something fails.
    lost: undefined,
    onLoss: () => () => {},
    reserve: () => () => {},
    [Symbol.asyncDispose]: async () => {},
  }
}

async function read(file: string, part: keyof CephSettings, expected: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    throw refusal(file, part, reasonOf(error), expected)
  }
}

const refusal = (file: string, part: keyof CephSettings, found: string, expected: string): CriuBenchError =>
  new CriuBenchError({
    failed: `cannot use ${file} for the filesystem "ceph"`,
    found,
    expected,
    fix: `correct ceph.${part} in vitest.config.ts, or VITEST_CRIU_CEPH_${part.toUpperCase()}`,
  })
