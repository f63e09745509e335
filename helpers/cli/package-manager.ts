import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** How a package manager is used on a fresh machine that has Node. */
export interface PackageManager {
  readonly name: 'npm' | 'pnpm' | 'yarn'
  readonly lockFile: string
  /** Shell commands. */
  readonly install: readonly string[]
  /** What runs a program of an installed package. */
  readonly exec: string
}

/** Node brings only npm. */
const COREPACK = 'npm install --global corepack && corepack enable'

const NPM: PackageManager = {
  name: 'npm',
  lockFile: 'package-lock.json',
  install: ['npm install'],
  exec: 'npx',
}
const MANAGERS: readonly PackageManager[] = [
  { name: 'pnpm', lockFile: 'pnpm-lock.yaml', install: [COREPACK, 'pnpm install'], exec: 'pnpm exec' },
  { name: 'yarn', lockFile: 'yarn.lock', install: [COREPACK, 'yarn install'], exec: 'yarn run' },
  NPM,
]

/** The folders from this one up to the root of its repository, or the folder alone if it is in none. */
function foldersOf(folder: string): string[] {
  const folders = [folder]
  for (let at = folder; !existsSync(join(at, '.git'));) {
    const parent = dirname(at)
    if (parent === at) return [folder]
    at = parent
    folders.push(at)
  }
  return folders
}

export const repositoryOf = (folder: string): string => foldersOf(folder).at(-1) ?? folder

/** The package manager that the nearest lock file names, npm without one. */
export function packageManagerOf(folder: string): PackageManager {
  const found = foldersOf(folder).flatMap((at) =>
    MANAGERS.filter(({ lockFile }) => existsSync(join(at, lockFile))),
  )
  return found[0] ?? NPM
}
