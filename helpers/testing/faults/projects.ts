import { fixture } from '../../installation/paths.ts'

const SUITE = `criu.restoreSuite({ filesystems: ['tmpfs'], sizes: ['16MB'], strategies: ['eager'] })`

/**
 * A handler whose clock is an hour further when it ends. The machine's own clock is everybody's, and no namespace has one of
 * its own: what a step changes are the time points that processes report, so these are changed.
 */
export const CLOCK_STEP = `
import { readFileSync, writeFileSync } from 'node:fs'
const program = new URL('./stepped.py', import.meta.url).pathname
const source = readFileSync(${JSON.stringify(fixture('handlers/python-handler.py'))}, 'utf8')
writeFileSync(program, source.replace(/(spin\\(lock_path\\)\\n[^]*?ended = time\\.time_ns\\(\\))/, '$1 + 3600 * 10**9'))
criu.defineHandler({
  name: 'stepped',
  command: ({ size, lock, report }) => ['/usr/bin/python3', '-I', '-S', program, String(size), lock, report],
})
criu.restoreSuite({ filesystems: ['tmpfs'], sizes: ['16MB'], strategies: ['eager'], handler: 'stepped' })
`

const hook = (name: string): readonly [string, string] => [
  name,
  `import { ${name} } from 'vitest'
describe('with a hook', () => {
  ${name}(() => { throw new Error('thrown on purpose') })
  ${SUITE}
})`,
]

/** Suites of which a hook, or the worker outside of any, throws. */
export const HOOKS: ReadonlyArray<readonly [string, string]> = [
  ...['beforeAll', 'beforeEach', 'afterEach', 'afterAll'].map(hook),
  ['a timer of the worker', `setTimeout(() => { throw new Error('thrown on purpose') }, 300)\n${SUITE}`],
]
