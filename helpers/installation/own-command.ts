import { PACKAGED } from './paths.ts'

/** The command line of one of this project's commands: an npm script in this repository, npx where it is installed. */
export const ownCommand = (name: string, ...args: readonly string[]): string =>
  PACKAGED
    ? ['npx vitest-criu', name, ...args].join(' ')
    : ['npm run', name, ...(args.length > 0 ? ['--', ...args] : [])].join(' ')

/** The command line that starts a run as root. */
export const AS_ROOT = PACKAGED ? 'sudo -E npx vitest bench --run' : 'sudo -E npm start'
