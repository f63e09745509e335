import type { Settings } from './options.ts'

const list = (text: string): string[] => text.split(',').map((part) => part.trim())
const number = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text))
const flag = (text: string): unknown => new Map<string, unknown>([['1', true], ['true', true], ['0', false], ['false', false]]).get(text) ?? text // prettier-ignore

/** Parses "restore=8,cold start=3". */
const ratios = (text: string): unknown =>
  Object.fromEntries(
    list(text)
      .map((part) => part.split('='))
      .map(([phase, factor = '']) => [phase, number(factor)]),
  )

/** Parses "delay=1ms,bandwidth=100mbit". */
const pairs = (text: string): unknown =>
  Object.fromEntries(
    list(text).map((part) => {
      const [name, value = ''] = part.split('=')
      return [name, value]
    }),
  )

/** Parses "stock=build,mine=/opt/criu/criu", or a single "/opt/criu/criu", whose name is then "criu". */
const crius = (text: string): unknown => (/^[^=,]+$/.test(text) ? { criu: text } : pairs(text))

/** Parses "restore=5", a delay of 5 ms in the restore. */
const injectedDelay = (text: string): unknown => {
  const [where, milliseconds = ''] = text.split('=')
  return { where, milliseconds: number(milliseconds) }
}

interface Variable {
  readonly option: keyof Settings
  /** The part that the variable sets, if the option has parts. The other parts keep their values. */
  readonly part?: string
  readonly read: (text: string) => unknown
}

/** Environment variables: those of the reference, `BASE_IMAGE`, then our own. */
export const VARIABLES: Readonly<Record<string, Variable>> = {
  MEMORY_SIZE: { option: 'sizes', read: (text) => [text] },
  ROOTFS_ABS_PATH: { option: 'rootfs', read: String },
  CONTAINER_NAME: { option: 'containerName', read: String },
  BASE_IMAGE: { option: 'baseImage', read: String },
  VITEST_CRIU_SIZES: { option: 'sizes', read: list },
  VITEST_CRIU_FILESYSTEMS: { option: 'filesystems', read: list },
  VITEST_CRIU_STRATEGIES: { option: 'strategies', read: list },
  VITEST_CRIU_COLD: { option: 'cold', read: flag },
  VITEST_CRIU_CEPH_CONF: { option: 'ceph', part: 'conf', read: String },
  VITEST_CRIU_CEPH_KEYRING: { option: 'ceph', part: 'keyring', read: String },
  VITEST_CRIU_CEPH_USER: { option: 'ceph', part: 'user', read: String },
  VITEST_CRIU_CEPH_FILESYSTEM: { option: 'ceph', part: 'filesystem', read: String },
  VITEST_CRIU_CEPH_PATH: { option: 'ceph', part: 'path', read: String },
  VITEST_CRIU_CEPH_CLIENT: { option: 'ceph', part: 'client', read: String },
  VITEST_CRIU_CEPH_STORE: { option: 'ceph', part: 'store', read: String },
  VITEST_CRIU_CEPH_CAPACITY: { option: 'ceph', part: 'capacity', read: String },
  VITEST_CRIU_CRIU: { option: 'criu', read: crius },
  VITEST_CRIU_CRIU_ON: { option: 'criuOn', read: String },
  VITEST_CRIU_INTERLEAVE: { option: 'interleave', read: flag },
  VITEST_CRIU_HANDLER: { option: 'handler', read: String },
  VITEST_CRIU_ITERATIONS: { option: 'iterations', read: number },
  VITEST_CRIU_TIME: { option: 'time', read: number },
  VITEST_CRIU_WARMUP: { option: 'warmup', read: number },
  VITEST_CRIU_TOLERANCE: { option: 'tolerance', read: number },
  VITEST_CRIU_RATIOS: { option: 'ratios', read: ratios },
  VITEST_CRIU_STRICT: { option: 'strict', read: flag },
  VITEST_CRIU_RESTORE_ON: { option: 'restoreOn', read: String },
  VITEST_CRIU_SSH_CONFIG: { option: 'sshConfig', read: String },
  VITEST_CRIU_LINK: { option: 'link', read: pairs },
  VITEST_CRIU_BASELINE: { option: 'baseline', read: String },
  VITEST_CRIU_SAVE: { option: 'save', read: String },
  VITEST_CRIU_BASELINES: { option: 'baselines', read: String },
  VITEST_CRIU_BASELINE_MATCH: { option: 'baselineMatch', read: String },
  VITEST_CRIU_SET_UPS: { option: 'setUps', read: number },
  VITEST_CRIU_BAND: { option: 'band', read: number },
  VITEST_CRIU_FLOOR: { option: 'floor', read: number },
  VITEST_CRIU_SPREAD: { option: 'spread', read: number },
  VITEST_CRIU_INJECTED_DELAY: { option: 'injectedDelay', read: injectedDelay },
  VITEST_CRIU_KEEP: { option: 'keep', read: String },
  VITEST_CRIU_OUTPUT: { option: 'output', read: String },
}

/** Nobody else uses this prefix, so an unknown variable with it is a mistake. */
export const PREFIX = 'VITEST_CRIU_'
