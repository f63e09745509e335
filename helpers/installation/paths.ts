import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The only folder that outlives a run: built programs, named by the content that they are built from, and `node/`. */
export const CACHE = '/var/cache/vitest-criu'

/** Node's compile cache, for the supervisor of every sandbox: without it, half of its start is to compile modules. */
export const COMPILE_CACHE = `${CACHE}/node`

/**
 * The work folder of a checkpoint: a private tmpfs in a sandbox, an ordinary folder for the steps run by hand. The
 * handler's files lie below it, at the same path on the host and in the container, because CRIU opens them by path.
 */
export const WORK = '/var/lib/vitest-criu'

/** Ledgers of running sandboxes. A reboot removes them, and the cgroups that they name. */
export const LEDGERS = '/run/vitest-criu'

/**
 * In a sandbox: scripts that its supervisor runs before it ends the namespaces. The code that writes a script removes it
 * after it has done the same work itself.
 */
export const CLEANUP_HOOKS = '/run/vitest-criu-cleanup'

/** Two folders up is the repository, or the package's `dist/`, which has the same layout. */
const own = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** A file of `fixtures/`, as an absolute path. */
export const fixture = (name: string): string => own(`fixtures/${name}`)

/** The package's compiled C programs for this architecture, compressed by Brotli; the repository has none. */
export const PREBUILT = own(`prebuilt/${process.arch}.br`)

/** Whether this code runs from the built package, and not from the repository. */
export const PACKAGED = extname(import.meta.url) === '.js'
