import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The one folder on the machine that outlives a run: built things, reusable by content. */
export const CACHE = '/var/cache/vitest-criu'

/**
 * What one checkpoint works in: a private tmpfs in a sandbox, a plain folder for the steps run by hand. The handler's
 * own files lie below it, at the same path on the host and in the container, as CRIU looks them up by path.
 */
export const WORK = '/var/lib/vitest-criu'

/** Ledgers of running sandboxes: gone with a reboot, as what they name is. */
export const LEDGERS = '/run/vitest-criu'

/**
 * In a sandbox: scripts that its supervisor runs before it ends the namespaces. Whoever writes one removes it when it
 * has done itself what the script would do.
 */
export const CLEANUP_HOOKS = '/run/vitest-criu-cleanup'

/** Two folders up is the tree, or the package's `dist/`, which is laid out alike. */
const own = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))

/** A file of `fixtures/`, as an absolute path. */
export const fixture = (name: string): string => own(`fixtures/${name}`)

/** C programs that the package brings compiled, for this architecture, packed by Brotli; the tree itself has none. */
export const PREBUILT = own(`prebuilt/${process.arch}`)

/** Whether this is the package, built and installed, and not the tree it is built from. */
export const PACKAGED = extname(import.meta.url) === '.js'
