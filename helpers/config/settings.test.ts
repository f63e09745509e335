import { describe, expect, test } from 'vitest'
import { resolveSettings, toleranceOf } from './settings.ts'

const MB = 2 ** 20

describe('settings', () => {
  test('are complete without any option', () => {
    expect(resolveSettings({}, {})).toMatchInlineSnapshot(`
      {
        "band": 0.04,
        "baselineMatch": "same",
        "baselines": "reports/baselines",
        "ceph": {
          "client": "auto",
        },
        "cold": false,
        "criuOn": "filesystem",
        "filesystems": [
          "tmpfs",
        ],
        "floor": 0.1,
        "handler": "python",
        "interleave": false,
        "iterations": 10,
        "link": {},
        "output": "reports/out",
        "ratios": {
          "cold start": 8,
          "dump": 20,
          "execution": 2.5,
          "lean container": 20,
          "restore": 12,
        },
        "setUps": 1,
        "sizes": [
          1048576,
          4194304,
          16777216,
          67108864,
          268435456,
          1073741824,
        ],
        "spread": 0.025,
        "strategies": [
          "mapped",
        ],
        "strict": false,
        "time": 0,
        "tolerance": 2,
        "warmup": 1,
      }
    `)
  })

  test('come from vitest.config.ts', () => {
    const settings = resolveSettings({ sizes: ['64MB', 4096], handler: 'native', iterations: 3 }, {})
    expect(settings).toMatchObject({ sizes: [64 * MB, 4096], handler: 'native', iterations: 3 })
  })

  test('come from the environment first', () => {
    const settings = resolveSettings(
      { sizes: ['64MB'], filesystems: ['tmpfs'], handler: 'native', iterations: 3, warmup: 2, tolerance: 5 },
      {
        VITEST_CRIU_SIZES: '1MB, 4096',
        VITEST_CRIU_FILESYSTEMS: 'tmpfs,other',
        VITEST_CRIU_HANDLER: 'python',
        VITEST_CRIU_ITERATIONS: '7',
        VITEST_CRIU_WARMUP: '0',
        VITEST_CRIU_TOLERANCE: '1.5',
        VITEST_CRIU_STRICT: '1',
        VITEST_CRIU_OUTPUT: 'elsewhere',
      },
    )
    expect(settings).toMatchObject({
      sizes: [MB, 4096],
      filesystems: ['tmpfs', 'other'],
      handler: 'python',
      iterations: 7,
      warmup: 0,
      tolerance: 1.5,
      strict: true,
      output: 'elsewhere',
    })
  })

  test.each([
    ['a table', {}, { iterations: 10, time: 0 }],
    ['a gate', { VITEST_CRIU_SAVE: 'main' }, { iterations: 30, time: 3000 }],
    ['a gate', { VITEST_CRIU_BASELINE: 'main', VITEST_CRIU_TIME: '500' }, { iterations: 30, time: 500 }],
    // An explicit number of samples sets the time to 0.
    ['a gate', { VITEST_CRIU_BASELINE: 'main', VITEST_CRIU_ITERATIONS: '12' }, { iterations: 12, time: 0 }],
  ])('%s with %j measures %j', (_, environment, effort) => {
    expect(resolveSettings({}, environment)).toMatchObject(effort)
  })

  test("accept the reference's variables, with MEMORY_SIZE as the only size", () => {
    const environment = { MEMORY_SIZE: '16777216', ROOTFS_ABS_PATH: '/base', CONTAINER_NAME: 'mine' }
    expect(resolveSettings({ sizes: ['1MB', '4MB'] }, { ...environment, BASE_IMAGE: 'build' })).toMatchObject(
      {
        sizes: [16 * MB],
        rootfs: '/base',
        containerName: 'mine',
        baseImage: 'build',
      },
    )
  })

  test('keep the default ratios of phases that are not named', () => {
    const { ratios } = resolveSettings({}, { VITEST_CRIU_RATIOS: 'restore=8,cold start=3' })
    expect(ratios).toEqual({ dump: 20, 'lean container': 20, restore: 8, execution: 2.5, 'cold start': 3 })
  })

  test('accept a host that restores, and limits of its link', () => {
    const environment = {
      VITEST_CRIU_RESTORE_ON: 'ssh://root@[fe80::1]:2222',
      VITEST_CRIU_LINK: 'delay=1ms,bandwidth=100mbit',
    }
    expect(resolveSettings({}, environment)).toMatchObject({
      restoreOn: 'ssh://root@[fe80::1]:2222',
      link: { delay: '1ms', bandwidth: '100mbit' },
    })
  })

  test('accept CRIUs by name, or a single one', () => {
    const several = resolveSettings({}, { VITEST_CRIU_CRIU: 'stock=build,mine=/opt/criu' })
    expect(several.criu).toEqual({ stock: 'build', mine: '/opt/criu' })
    expect(resolveSettings({}, { VITEST_CRIU_CRIU: '/opt/criu' }).criu).toEqual({ criu: '/opt/criu' })
  })

  test('take one part of ceph from the environment, and keep the others', () => {
    const { ceph } = resolveSettings(
      { ceph: { conf: '/etc/ceph/ceph.conf', user: 'bob' } },
      { VITEST_CRIU_CEPH_USER: 'eve', VITEST_CRIU_CEPH_PATH: '/bench' },
    )
    expect(ceph).toEqual({ conf: '/etc/ceph/ceph.conf', user: 'eve', path: '/bench', client: 'auto' })
  })

  test('accept a test cluster on disk', () => {
    const { ceph } = resolveSettings({}, { VITEST_CRIU_CEPH_STORE: 'bluestore', VITEST_CRIU_CEPH_CAPACITY: '4GB' }) // prettier-ignore
    expect(ceph).toEqual({ client: 'auto', store: 'bluestore', capacity: 4096 * MB })
  })

  test('take more samples with a baseline, unless iterations is set', () => {
    expect(resolveSettings({}, { VITEST_CRIU_SAVE: 'main' }).iterations).toBe(30)
    expect(resolveSettings({ baseline: 'main' }, {}).iterations).toBe(30)
    expect(resolveSettings({ baseline: 'main' }, { VITEST_CRIU_ITERATIONS: '12' }).iterations).toBe(12)
  })

  test('cannot be changed', () => expect(Object.isFrozen(resolveSettings({}, {}))).toBe(true))

  test('give a strict run a tolerance of 1', () => {
    expect(toleranceOf(resolveSettings({ tolerance: 3 }, {}))).toBe(3)
    expect(toleranceOf(resolveSettings({ tolerance: 3, strict: true }, {}))).toBe(1)
  })

  test.each(['MEMORY_SIZE', 'ROOTFS_ABS_PATH', 'CONTAINER_NAME', 'BASE_IMAGE'])(
    'count an empty %s as unset',
    (name) => {
      expect(resolveSettings({}, { [name]: '' })).toEqual(resolveSettings({}, {}))
    },
  )
})
