import { describe, expect, test } from 'vitest'
import { messageOf } from '../testing/messages.ts'
import { resolveSettings } from './settings.ts'

const refused = (options: object, environment: Record<string, string> = {}): Promise<string> =>
  messageOf(() => resolveSettings(options, environment))

describe('settings refuse', () => {
  test('the name of a baseline that would be outside of its folder', async () => {
    expect(await refused({}, { VITEST_CRIU_SAVE: '../main' })).toMatchInlineSnapshot(`
      "cannot use the option "save"
        found:    VITEST_CRIU_SAVE=../main
        expected: a name of letters, digits, ".", "_" and "-"
        fix:      correct the environment variable"
    `)
  })

  test('a ratio for an unknown phase', async () => {
    expect(await refused({}, { VITEST_CRIU_RATIOS: 'restroe=8' })).toMatchInlineSnapshot(`
      "cannot use the option "ratios"
        found:    VITEST_CRIU_RATIOS=restroe=8
        expected: only the phases dump, lean container, restore, execution, cold start
        fix:      correct the environment variable"
    `)
  })

  test.each([
    ['VITEST_CRIU_RESTORE_ON', 'other.example', 'restoreOn', '"namespace" or "ssh://user@host:port"'],
    ['VITEST_CRIU_LINK', 'bandwidth=fast', 'link.bandwidth', 'a bandwidth such as 100mbit or 1gbit'],
    ['VITEST_CRIU_LINK', 'delay', 'link.delay', 'a delay such as 500us or 1ms'],
    ['VITEST_CRIU_LINK', 'delay=1', 'link.delay', 'a delay such as 500us or 1ms'],
    ['VITEST_CRIU_LINK', 'loss=1', 'link', 'only delay and bandwidth, such as delay=1ms,bandwidth=100mbit'],
  ])('%s=%s', async (name, value, option, expected) => {
    expect(await refused({}, { [name]: value })).toBe(
      `cannot use the option "${option}"\n  found:    ${name}=${value}\n` +
        `  expected: ${expected}\n  fix:      correct the environment variable`,
    )
  })

  test.each([
    ['mapped=build', 'names of letters, digits, ".", "_" and "-" that no strategy has'],
    ['mine=', 'a program or an image, or { path, dump: [arguments], restore: [arguments] }'],
  ])('the CRIUs %s', async (value, expected) => {
    expect(await refused({}, { VITEST_CRIU_CRIU: value })).toContain(`\n  expected: ${expected}\n`)
  })

  test.each(['save', 'baseline'])('keep in a run with %s', async (option) => {
    expect(await refused({ keep: 'slowest', [option]: 'main' })).toContain(
      'expected: no baseline and no save beside it, because writing the log makes restores slower',
    )
  })

  test('an unknown option', async () => {
    expect(await refused({ size: '64MB' })).toMatchInlineSnapshot(`
      "cannot use the option "size"
        found:    an unknown option
        expected: one of sizes, filesystems, strategies, cold, ceph, criu, criuOn, interleave, handler, iterations, time, warmup, tolerance, ratios, strict, baseImage, restoreOn, sshConfig, link, rootfs, containerName, baseline, save, baselines, baselineMatch, setUps, band, floor, spread, injectedDelay, keep, output
        fix:      correct criu({ … }) in vitest.config.ts"
    `)
  })

  test('an unknown variable with our prefix, but no other variable', async () => {
    expect(await refused({}, { VITEST_CRIU_SIZE: '64MB', VITEST: 'true' })).toMatchInlineSnapshot(`
      "cannot use the environment variable VITEST_CRIU_SIZE
        found:    an unknown variable
        expected: one of MEMORY_SIZE, ROOTFS_ABS_PATH, CONTAINER_NAME, BASE_IMAGE, VITEST_CRIU_SIZES, VITEST_CRIU_FILESYSTEMS, VITEST_CRIU_STRATEGIES, VITEST_CRIU_COLD, VITEST_CRIU_CEPH_CONF, VITEST_CRIU_CEPH_KEYRING, VITEST_CRIU_CEPH_USER, VITEST_CRIU_CEPH_FILESYSTEM, VITEST_CRIU_CEPH_PATH, VITEST_CRIU_CEPH_CLIENT, VITEST_CRIU_CEPH_STORE, VITEST_CRIU_CEPH_CAPACITY, VITEST_CRIU_CRIU, VITEST_CRIU_CRIU_ON, VITEST_CRIU_INTERLEAVE, VITEST_CRIU_HANDLER, VITEST_CRIU_ITERATIONS, VITEST_CRIU_TIME, VITEST_CRIU_WARMUP, VITEST_CRIU_TOLERANCE, VITEST_CRIU_RATIOS, VITEST_CRIU_STRICT, VITEST_CRIU_RESTORE_ON, VITEST_CRIU_SSH_CONFIG, VITEST_CRIU_LINK, VITEST_CRIU_BASELINE, VITEST_CRIU_SAVE, VITEST_CRIU_BASELINES, VITEST_CRIU_BASELINE_MATCH, VITEST_CRIU_SET_UPS, VITEST_CRIU_BAND, VITEST_CRIU_FLOOR, VITEST_CRIU_SPREAD, VITEST_CRIU_INJECTED_DELAY, VITEST_CRIU_KEEP, VITEST_CRIU_OUTPUT
        fix:      unset VITEST_CRIU_SIZE"
    `)
  })

  test('an unknown ceph client', async () => {
    expect(await refused({}, { VITEST_CRIU_CEPH_CLIENT: 'nfs' })).toMatchInlineSnapshot(`
      "cannot use the option "ceph.client"
        found:    VITEST_CRIU_CEPH_CLIENT=nfs
        expected: one of "auto"|"kernel"|"fuse"
        fix:      correct the environment variable"
    `)
  })

  test('an unknown part of ceph', async () => {
    expect(await refused({ ceph: { config: '/etc/ceph/ceph.conf' } })).toMatchInlineSnapshot(`
      "cannot use the option "ceph"
        found:    ceph: {"config":"/etc/ceph/ceph.conf"}
        expected: an option of ceph: see helpers/README.md
        fix:      correct criu({ … }) in vitest.config.ts"
    `)
  })

  test('a ceph user without a cluster', async () => {
    expect(await refused({}, { VITEST_CRIU_CEPH_USER: 'bob' })).toMatchInlineSnapshot(`
      "cannot use the option "ceph.user"
        found:    VITEST_CRIU_CEPH_USER=bob
        expected: ceph.conf as well, because user applies to an existing cluster
        fix:      correct the environment variable"
    `)
  })

  test('an object store for an existing cluster', async () => {
    expect(await refused({ ceph: { conf: '/c', store: 'memstore' } })).toMatchInlineSnapshot(`
      "cannot use the option "ceph.store"
        found:    ceph: {"conf":"/c","store":"memstore"}
        expected: no ceph.conf, because store applies to the test cluster that a run starts
        fix:      correct criu({ … }) in vitest.config.ts"
    `)
  })

  test('a ceph path with ".." in it', async () => {
    expect(await refused({ ceph: { conf: '/c', path: '/bench/../home' } })).toMatchInlineSnapshot(`
      "cannot use the option "ceph.path"
        found:    ceph: {"conf":"/c","path":"/bench/../home"}
        expected: an absolute path in the file system, without ".."
        fix:      correct criu({ … }) in vitest.config.ts"
    `)
  })

  test('a value of another type', async () => {
    expect(await refused({ iterations: 'many' })).toMatchInlineSnapshot(`
      "cannot use the option "iterations"
        found:    iterations: "many"
        expected: a number
        fix:      correct criu({ … }) in vitest.config.ts"
    `)
  })

  test('a number out of range, from the environment', async () => {
    expect(await refused({}, { VITEST_CRIU_ITERATIONS: '0' })).toMatchInlineSnapshot(`
      "cannot use the option "iterations"
        found:    VITEST_CRIU_ITERATIONS=0
        expected: a number that is >=1
        fix:      correct the environment variable"
    `)
  })

  test('an empty number', async () => {
    expect(await refused({}, { VITEST_CRIU_TOLERANCE: '' })).toMatchInlineSnapshot(`
      "cannot use the option "tolerance"
        found:    VITEST_CRIU_TOLERANCE=
        expected: a number
        fix:      correct the environment variable"
    `)
  })

  test('a flag that is neither on nor off', async () => {
    expect(await refused({}, { VITEST_CRIU_STRICT: 'yes' })).toMatchInlineSnapshot(`
      "cannot use the option "strict"
        found:    VITEST_CRIU_STRICT=yes
        expected: true or false
        fix:      correct the environment variable"
    `)
  })

  test('an unreadable size in a list', async () => {
    expect(await refused({}, { VITEST_CRIU_SIZES: '1MB,lots' })).toMatchInlineSnapshot(`
      "cannot use the option "sizes"
        found:    VITEST_CRIU_SIZES=1MB,lots
        expected: a whole number above 0, in bytes or with a unit, such as 16777216, 16MB or 1GB
        fix:      correct the environment variable"
    `)
  })

  test('a size of 0 as a number', async () => {
    expect(await refused({ sizes: [0] })).toMatchInlineSnapshot(`
      "cannot use the option "sizes"
        found:    sizes: [0]
        expected: a whole number above 0, in bytes or with a unit, such as 16777216, 16MB or 1GB
        fix:      correct criu({ … }) in vitest.config.ts"
    `)
  })

  test('an empty list of sizes', async () => {
    expect(await refused({ sizes: [] })).toMatchInlineSnapshot(`
      "cannot use the option "sizes"
        found:    sizes: []
        expected: a list that has >=1 items
        fix:      correct criu({ … }) in vitest.config.ts"
    `)
  })

  test.each(['0', '-5', 'sixteen'])('MEMORY_SIZE=%j', async (size) => {
    expect(await refused({}, { MEMORY_SIZE: size })).toBe(
      'cannot use the option "sizes"\n' +
        `  found:    MEMORY_SIZE=${size}\n` +
        '  expected: a whole number above 0, in bytes or with a unit, such as 16777216, 16MB or 1GB\n' +
        '  fix:      correct the environment variable',
    )
  })
})
