import { describe, expect, test } from 'vitest'
import { fixture } from '../installation/paths.ts'
import { CLI, cli, outcomeOf } from '../testing/commands.ts'

/** As another user; the one capability is to read this project wherever it lies. */
// prettier-ignore
const AS_NOBODY = ['setpriv', '--reuid', '65534', '--clear-groups', '--inh-caps', '+dac_read_search',
  '--ambient-caps', '+dac_read_search']

describe('the doctor', { timeout: 60_000 }, () => {
  test('checks this machine as every host is checked, and what it needs in addition', async () => {
    const { stdout, stderr } = await cli(['doctor'])
    expect(stderr).toBe('')
    const names = [...stdout.matchAll(/^(?:ok {6}|MISSING )([^:]+):/gm)].map(([, name]) => name)
    expect(names).toEqual([
      'node',
      'root',
      'capabilities',
      'namespaces',
      'overlayfs',
      'cgroup',
      'criu',
      'seccomp',
      'disk',
      'compiler',
      'python',
      'other users',
      'lazy restore',
      'memory',
      'ceph',
      'configuration',
    ])
  })

  test('tells an ordinary user what is missing and the fix, and fails', async () => {
    const { status, stdout, stderr } = await outcomeOf([...AS_NOBODY, ...CLI, 'doctor'])
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' })
    expect(stdout).toContain('MISSING root: uid 65534\n        fix: run as root: sudo -E npm start\n')
    expect(stdout).toContain('MISSING capabilities: no CAP_SYS_ADMIN\n')
    expect(stdout).toMatch(/^MISSING namespaces: unshare: .*Operation not permitted$/m)
    expect(stdout).toMatch(/^ok {6}python: \/usr\/bin\/python3$/m)
  })

  test('tells that nothing can be dumped under a seccomp filter, and fails', async () => {
    const { status, stdout } = await outcomeOf(['/usr/bin/python3', fixture('scenes/filtered.py'), ...CLI, 'doctor']) // prettier-ignore
    expect(status).toBe(1)
    expect(stdout).toContain('MISSING seccomp: this process is under a filter\n        fix: in a container: run it privileged') // prettier-ignore
  })

  test('tells that processes of other users cannot be dumped without CAP_SYS_RESOURCE', async () => {
    const { stdout } = await outcomeOf(['setpriv', '--bounding-set', '-sys_resource', '--', ...CLI, 'doctor']) // prettier-ignore
    expect(stdout).toContain('ok      other users: their processes cannot be dumped: no CAP_SYS_RESOURCE')
  })
})
