import { PACKAGED } from './paths.ts'

/** How the reader runs one of this project's commands: with npm's scripts in the tree, with npx where it is installed. */
export const ownCommand = (name: string, ...args: readonly string[]): string =>
  PACKAGED
    ? ['npx vitest-criu', name, ...args].join(' ')
    : ['npm run', name, ...(args.length > 0 ? ['--', ...args] : [])].join(' ')

/** How the reader starts what needs root. */
export const AS_ROOT = PACKAGED ? 'sudo -E npx vitest bench --run' : 'sudo -E npm start'
