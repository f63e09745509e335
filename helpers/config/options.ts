import { z } from 'zod'
import { MB, parseSize } from '../units.ts'
import type { FilesystemName, HandlerName, StrategyName } from './names.ts'

/** The reference's six sizes, in bytes. */
const REFERENCE_SIZES = [1, 4, 16, 64, 256, 1024].map((megabytes) => megabytes * MB)

const times = z.number().positive()

/**
 * How many times tmpfs's median of the same run another filesystem's may be. The defaults are about twice what ceph's
 * test cluster was measured to need, warm: dump 3 to 10 times, lean container 4 to 12, restore 3 to 6, execution 1 to
 * 1.3, cold start 1.2 to 4.
 */
const RATIOS = {
  dump: times.default(20),
  'lean container': times.default(20),
  restore: times.default(12),
  execution: times.default(2.5),
  'cold start': times.default(8),
}

// A phase that is misspelt would otherwise be one that nobody gates.
const Ratios = z.strictObject(RATIOS, {
  error: ({ code }) =>
    code === 'unrecognized_keys' ? `phases out of ${Object.keys(RATIOS).join(', ')}` : undefined,
})

const LINK_ERROR = {
  error: ({ code }: { code?: string }) =>
    code === 'unrecognized_keys' ? 'delay=1ms,bandwidth=100mbit' : undefined,
}

const Link = z.strictObject(
  {
    /** "1ms", "500us". */
    delay: z
      .string()
      .regex(/^\d+(\.\d+)?(us|ms|s)$/, { error: 'a delay such as 500us or 1ms' })
      .optional(),
    /** "100mbit", "1gbit". */
    bandwidth: z
      .string()
      .regex(/^\d+(\.\d+)?(kbit|mbit|gbit)$/, { error: 'a bandwidth such as 100mbit or 1gbit' })
      .optional(),
  },
  LINK_ERROR,
)

const size = z.union([z.int().positive(), z.string().transform((text) => parseSize(text))])

/** What an existing cluster is told by: `conf` names it, the others say more of it. */
const OF_A_CLUSTER = ['keyring', 'user', 'filesystem', 'path'] as const
const OF_A_TEST_CLUSTER = ['store', 'capacity'] as const

const filePath = z.string().min(1)

/** A name that its own room looks up, and refuses with a list of those there are. */
const nameOf = <Name extends string>() =>
  z.custom<Name>((value) => typeof value === 'string', { error: 'a name' })

/** Which Ceph the filesystem `ceph` is: a test cluster that the run starts, or where `conf` is given, that one. */
const Ceph = z
  .strictObject(
    {
      /** The ceph.conf of an existing cluster. */
      conf: filePath.optional(),
      /** The keyring with the user's key; ceph.client.USER.keyring beside `conf` when left out. */
      keyring: filePath.optional(),
      /** Without "client."; "admin" when left out. */
      user: z.string().min(1).optional(),
      /** Name of the file system; the cluster's default when left out. */
      filesystem: z.string().min(1).optional(),
      /** The folder of it that is used, and nothing outside of it; "/" when left out. */
      path: z
        .string()
        .regex(/^\/(?!(.*\/)?\.\.(\/|$))/, 'an absolute path in the file system, without ".."')
        .optional(),
      /** The kernel's client, ceph-fuse, or the kernel's where it has one. */
      client: z.enum(['auto', 'kernel', 'fuse']).default('auto'),
      /** Where the test cluster's objects lie: in memory (when left out), or on disk behind a loop device. */
      store: z.enum(['memstore', 'bluestore']).optional(),
      /** What the test cluster holds; all memory that is available, or 16GB on disk, when left out. */
      capacity: size.optional(),
    },
    {
      error: ({ code }) =>
        code === 'unrecognized_keys' ? 'an option of ceph: see helpers/README.md' : undefined,
    },
  )
  .superRefine((given, context) => {
    const wrong = (given.conf === undefined ? OF_A_CLUSTER : OF_A_TEST_CLUSTER).find(
      (name) => given[name] !== undefined,
    )
    if (wrong === undefined) return
    const message =
      given.conf === undefined
        ? `ceph.conf besides: ${wrong} is of an existing cluster`
        : `no ceph.conf besides: ${wrong} is of the test cluster that a run starts`
    context.addIssue({ code: 'custom', path: [wrong], message })
  })

/**
 * Every option of the plugin, in one place: its type, default and expectation. `vitest.config.ts` gives them as
 * `criu({ … })`, the environment as the variables below; the environment wins.
 */
export const Options = z.strictObject({
  /** Memory that the handler touches: bytes, or "64MB". */
  sizes: z.array(size).min(1).default(REFERENCE_SIZES),
  /** What the rootfs and the images live on. */
  filesystems: z.array(nameOf<FilesystemName | 'all'>()).min(1).default(['tmpfs']),
  /** How checkpoints come back: "mapped", "lazy", "eager"; "plain" starts from scratch. */
  strategies: z.array(nameOf<StrategyName>()).min(1).default(['mapped']),
  /** Measure each suite once more with its files out of this machine's cache, where the filesystem has such a state. */
  cold: z.boolean().default(false),
  /** Of the filesystem `ceph`: which cluster, and how it is mounted. */
  ceph: Ceph.prefault({}),
  /** What containers read CRIU's program from: the filesystem under test, or this machine's memory. */
  criuOn: z.enum(['filesystem', 'local']).default('filesystem'),
  /** Measure all sizes of a filesystem in turn, round by round, as far as their room fits into memory. */
  interleave: z.boolean().default(false),
  /** The function that is checkpointed, by name: "python" (the reference's), "native", "python-http", "node-http". */
  handler: nameOf<HandlerName>().default('python'),
  /** Samples of each phase, and dumps, per suite; both this and `time` have defaults of their own in a gate. */
  iterations: z.int().min(1).max(10_000).optional(),
  /** Milliseconds that the samples of a suite, and its dumps, take at least: more of them where they are quick. */
  time: z.int().min(0).max(600_000).optional(),
  /** Runs of the body, and dumps, before the first one that counts. */
  warmup: z.int().min(0).max(1000).default(1),
  /** A median may be at most this many times the reference's figure. */
  tolerance: z.number().positive().default(2),
  /** What the reference has no figure for is held against tmpfs in the same run, by phase; others keep their default. */
  ratios: Ratios.prefault({}),
  /** Tolerance 1: as fast as the reference, or it fails. */
  strict: z.boolean().default(false),
  /** Where the container's root comes from: a tarball, a folder, "docker:NAME", "podman:NAME" or "build". */
  baseImage: z.string().min(1).optional(),
  /** The host that restores what this one dumps: "namespace", or "ssh://user@host:port"; the same one when left out. */
  restoreOn: z
    .string()
    .regex(/^(namespace|ssh:\/\/[^/\s]+)$/, { error: '"namespace" or "ssh://user@host:port"' })
    .optional(),
  /** OpenSSH's configuration file for that host; the user's own when left out. */
  sshConfig: z.string().min(1).optional(),
  /** What the link of the second host is held down to, as tc(8) writes it: in each direction. */
  link: Link.prefault({}),
  /** The folder to mount on, absolute and empty; a private one when left out. */
  rootfs: z.string().min(1).optional(),
  /** Name of the containers, which is that of their cgroup; one of our own when left out. */
  containerName: z.string().optional(),
  /** Hold this run against a baseline: its name in `baselines`, or the path of a results.json. */
  baseline: z.string().min(1).optional(),
  /** Keep this run as the baseline of that name. */
  save: z
    .string()
    .regex(/^\w[\w.-]*$/, 'a name of letters, digits, ".", "_" and "-"')
    .optional(),
  /** The folder of the named baselines, from the project's root. */
  baselines: z.string().min(1).default('reports/baselines'),
  /** Whose baselines count: those of the "same" machine, or of a "similar" one, with the same processor. */
  baselineMatch: z.enum(['same', 'similar']).default('same'),
  /** Against a baseline: ratios up to 1 + this are noise; of a dump up to 1 + twice this. */
  band: z.number().positive().max(1).default(0.04),
  /** Against a baseline: a difference of medians below this is none, ms. */
  floor: z.number().nonnegative().default(0.1),
  /** A slow-down that is really executed in each sample, to see a gate fail: where, and how many ms. */
  injectedDelay: z
    .strictObject({ where: z.enum(['launcher', 'restore', 'handler']), milliseconds: z.number().positive() })
    .optional(),
  /** The folder for results.json and results.md, from the project's root. */
  output: z.string().min(1).default('reports/out'),
})

/** What a user may give. */
export type CriuOptions = z.input<typeof Options>
/** What the rest of the code gets: checked, complete, plain data. */
export type Settings = Readonly<z.output<typeof Options> & { iterations: number; time: number }>
/** Of the filesystem `ceph`. */
export type CephSettings = Settings['ceph']

/** What is measured where nothing is said of it. */
export const EFFORT = { iterations: 10, time: 0 }
/** More, where runs are held against each other: `npm run calibrate` shows what these find. */
export const GATE_EFFORT = { iterations: 30, time: 3000 }

const list = (text: string): string[] => text.split(',').map((part) => part.trim())
const number = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text))
const flag = (text: string): unknown => new Map<string, unknown>([['1', true], ['true', true], ['0', false], ['false', false]]).get(text) ?? text // prettier-ignore

/** "restore=8,cold start=3". */
const ratios = (text: string): unknown =>
  Object.fromEntries(
    list(text)
      .map((part) => part.split('='))
      .map(([phase, factor = '']) => [phase, number(factor)]),
  )

/** "delay=1ms,bandwidth=100mbit". */
const pairs = (text: string): unknown => Object.fromEntries(list(text).map((part) => part.split('=')))

/** "restore=5": 5 ms in the restore. */
const injectedDelay = (text: string): unknown => {
  const [where, milliseconds = ''] = text.split('=')
  return { where, milliseconds: number(milliseconds) }
}

interface Variable {
  readonly option: keyof Settings
  /** Where the option has parts: the one that is set; the others stay as they are given. */
  readonly part?: string
  readonly read: (text: string) => unknown
}

/** Environment variables: the reference's own three, then ours. */
export const VARIABLES: Readonly<Record<string, Variable>> = {
  MEMORY_SIZE: { option: 'sizes', read: (text) => [parseSize(text, 'MEMORY_SIZE')] },
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
  VITEST_CRIU_BAND: { option: 'band', read: number },
  VITEST_CRIU_FLOOR: { option: 'floor', read: number },
  VITEST_CRIU_INJECTED_DELAY: { option: 'injectedDelay', read: injectedDelay },
  VITEST_CRIU_OUTPUT: { option: 'output', read: String },
}

/** Ours alone: a variable with this prefix that is not listed is a mistake, not somebody else's. */
export const PREFIX = 'VITEST_CRIU_'
