import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

/** Debian's, Ubuntu's, and what GitHub's runners have. */
const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const installed = PROGRAMS.find((program) => existsSync(program))

/** Why the tests of the page cannot run here; undefined where they can. */
export const noBrowser =
  installed === undefined ? 'no browser here, so the page is not tested: apt-get install chromium' : undefined

/** A browser that talks to nobody, with a profile of its own that goes with it. */
export function startBrowser(): Promise<Browser> {
  const quiet = ['background-networking', 'component-update', 'sync', 'gpu'].map(
    (part) => `--disable-${part}`,
  )
  const args = ['--no-sandbox', '--no-first-run', ...quiet]
  return chromium.launch({ args, ...(installed !== undefined && { executablePath: installed }) })
}
