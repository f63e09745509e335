import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

/** Chromium of Debian and of Ubuntu, and Chrome of GitHub's runners. */
const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const installed = PROGRAMS.find((program) => existsSync(program))

/** Why the tests of the page cannot run; undefined if a browser is installed. */
export const noBrowser =
  installed === undefined
    ? 'no browser is installed; to run these tests: apt-get install chromium'
    : undefined

/** Starts a browser with a temporary profile and without background network traffic. */
export function startBrowser(): Promise<Browser> {
  const quiet = ['background-networking', 'component-update', 'sync', 'gpu'].map(
    (part) => `--disable-${part}`,
  )
  const args = ['--no-sandbox', '--no-first-run', ...quiet]
  return chromium.launch({ args, ...(installed !== undefined && { executablePath: installed }) })
}
