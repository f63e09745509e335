import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { outcomeOf, PROJECT } from '../testing/commands.ts'
import { expectNothingLeft } from '../testing/leaks.ts'
import { API, temporaryProject } from '../testing/projects.ts'

const CONFIG = `import { criu } from '${API}'
// One sample is too few for a baseline: every comparison is inconclusive. The suite's threshold finds the slow commit.
export default { plugins: [criu({ iterations: 1, setUps: 1, warmup: 0 })] }
`
const SUITE = `import { defineHandler, restoreSuite } from '${API}'
restoreSuite({ thresholds: { 'cold start': 500 }, handler: defineHandler({
  name: 'worker',
  command: ['/usr/bin/python3', '-I', '-S', import.meta.dirname + '/work.py'],
  memory: '8MB',
  ready: { line: 'ready' },
  trigger: { line: 'go' },
  done: { line: 'done' },
}) })
`
const work = (seconds: number, version: number): string => `# version ${version}
import sys, time
print('ready', flush=True)
for line in sys.stdin:
    time.sleep(${seconds})
    print('done', flush=True)
`
const COMMITS = 4
const SLOW_SINCE = 3

test('the documented line lets git bisect find the commit that made a start slow, and skip inconclusive ones', async () => {
  const readme = await readFile(join(PROJECT, 'reports/README.md'), 'utf8')
  const line = /^git bisect run sh -c '(.*?)'/m.exec(readme)?.[1] ?? ''
  await using folder = await temporaryProject({ 'vitest.config.mts': CONFIG, 'worker.bench.ts': SUITE, '.gitignore': 'node_modules\nreports\n' }) // prettier-ignore
  const sh = async (script: string, environment: Readonly<Record<string, string>> = {}) => {
    const { status, stdout, stderr } = await outcomeOf(['sh', '-c', script], environment, folder.path)
    return { status, output: stdout + stderr }
  }
  const git = async (command: string): Promise<string> => {
    const { status, output } = await sh(`git -c user.name=t -c user.email=t@localhost ${command}`)
    expect(status, output).toBe(0)
    return output
  }
  await git('init --quiet')
  for (let version = 1; version <= COMMITS; version++) {
    await writeFile(join(folder.path, 'work.py'), work(version < SLOW_SINCE ? 0 : 0.8, version))
    await git(`add . && git -c user.name=t -c user.email=t@localhost commit --quiet -m 'version ${version}'`)
  }
  await expectNothingLeft(async () => {
    await git(`checkout --quiet HEAD~${COMMITS - 1}`)
    expect(await sh('node_modules/.bin/vitest bench --run', { VITEST_CRIU_SAVE: 'good' })).toMatchObject({
      status: 0,
    })
    expect((await sh(line)).status).toBe(125)
    await git(`checkout --quiet -`)
    await git(`bisect start HEAD HEAD~${COMMITS - 1}`)
    const found = await git(`bisect run sh -c '${line.replace('VITEST_CRIU_BASELINE=good ', '')}'`)
    expect(/^\w+ is the first bad commit[^]*?version \d/m.exec(found)?.[0]).toMatch(/version 3$/)
  })
})
