import { realpathSync } from 'node:fs'
import { isAbsolute, resolve } from 'node:path'
import { z } from 'zod'
import { MB } from '../units.ts'
import { size } from './size.ts'
import { isCgroupName, STRATEGY_NAMES, type FilesystemName, type HandlerName, type StrategyName } from './names.ts' // prettier-ignore

/** The six sizes of the reference, in bytes. */
const REFERENCE_SIZES = [1, 4, 16, 64, 256, 1024].map((megabytes) => megabytes * MB)

const times = z.number().positive()

/**
 * The largest ratio of another filesystem's median to tmpfs's median of the same run. The defaults are about twice what
 * the Ceph test cluster took with a warm cache: dump 3 to 10 times tmpfs, lean container 4 to 12, restore 3 to 6,
 * execution 1 to 1.3, cold start 1.2 to 4.
 */
const RATIOS = {
  dump: times.default(20),
  'lean container': times.default(20),
  restore: times.default(12),
  execution: times.default(2.5),
  'cold start': times.default(8),
}

// Strict, because a misspelt phase would otherwise leave the phase with its default ratio.
const Ratios = z.strictObject(RATIOS, {
  error: ({ code }) =>
    code === 'unrecognized_keys' ? `only the phases ${Object.keys(RATIOS).join(', ')}` : undefined,
})

const LINK_ERROR = {
  error: ({ code }: { code?: string }) =>
    code === 'unrecognized_keys'
      ? 'only delay and bandwidth, such as delay=1ms,bandwidth=100mbit'
      : undefined,
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

/** Options that apply only to an existing cluster, which `conf` names. */
const EXISTING_CLUSTER_OPTIONS = ['keyring', 'user', 'filesystem', 'path'] as const
/** Options that apply only to the test cluster. */
const TEST_CLUSTER_OPTIONS = ['store', 'capacity'] as const

const filePath = z.string().min(1)

/** The kernel lists a mount by the path without links, "..", and a slash at the end. Relative paths are refused later. */
function withoutLinks(path: string): string {
  if (!isAbsolute(path)) return path
  try {
    return realpathSync.native(path)
  } catch {
    return resolve(path)
  }
}

/** A name. The folder that defines the objects looks it up, and refuses unknown names with a list of all names. */
const nameOf = <Name extends string>() =>
  z.custom<Name>((value) => typeof value === 'string', { error: 'a name' })

/**
 * The cluster behind the filesystem `ceph`: the existing one that `conf` names, or a test cluster that the run starts.
 */
const Ceph = z
  .strictObject(
    {
      /** The ceph.conf of an existing cluster. */
      conf: filePath.optional(),
      /** The keyring with the user's key. Default: ceph.client.USER.keyring in the folder of `conf`. */
      keyring: filePath.optional(),
      /** The user, without "client.". Default: "admin". */
      user: z.string().min(1).optional(),
      /** Name of the file system. Default: the cluster's own default. */
      filesystem: z.string().min(1).optional(),
      /** The folder to use; nothing outside of it is touched. Default: "/". */
      path: z
        .string()
        .regex(/^\/(?!(.*\/)?\.\.(\/|$))/, 'an absolute path in the file system, without ".."')
        .optional(),
      /** "auto" is the kernel's client if the kernel has one, else ceph-fuse. */
      client: z.enum(['auto', 'kernel', 'fuse']).default('auto'),
      /** Where the test cluster stores its objects: in memory ("memstore", the default), or on disk ("bluestore"). */
      store: z.enum(['memstore', 'bluestore']).optional(),
      /** Capacity of the test cluster. Default: the available memory, or 16GB on disk. */
      capacity: size.optional(),
    },
    {
      error: ({ code }) =>
        code === 'unrecognized_keys' ? 'an option of ceph: see helpers/README.md' : undefined,
    },
  )
  .superRefine((given, context) => {
    const wrong = (given.conf === undefined ? EXISTING_CLUSTER_OPTIONS : TEST_CLUSTER_OPTIONS).find(
      (name) => given[name] !== undefined,
    )
    if (wrong === undefined) return
    const message =
      given.conf === undefined
        ? `ceph.conf as well, because ${wrong} applies to an existing cluster`
        : `no ceph.conf, because ${wrong} applies to the test cluster that a run starts`
    context.addIssue({ code: 'custom', path: [wrong], message })
  })

const words = z.array(z.string()).readonly().default([])

const A_CRIU = { error: 'a program or an image, or { path, dump: [arguments], restore: [arguments] }' }

/** Where a CRIU is from, as in the option `baseImage`, and arguments that its dumps and restores get in addition. */
const Criu = z.union(
  [z.string().min(1, A_CRIU), z.strictObject({ path: z.string().min(1), dump: words, restore: words })],
  A_CRIU,
)

/** Names of strategies would be ambiguous in thresholds. */
const CriuName = z.string().regex(new RegExp(String.raw`^(?!(?:${STRATEGY_NAMES.join('|')})$)\w[\w.-]*$`))

const Crius = z
  .record(CriuName, Criu, {
    error: ({ code }) =>
      code === 'invalid_key' ? 'names of letters, digits, ".", "_" and "-" that no strategy has' : undefined,
  })
  .refine((crius) => Object.keys(crius).length > 0, { error: 'at least one CRIU' })

const Fields = z.strictObject({
  /** Memory that the handler touches: in bytes, or as "64MB". */
  sizes: z.array(size).min(1).default(REFERENCE_SIZES),
  /** The filesystems that store the rootfs and the images. */
  filesystems: z.array(nameOf<FilesystemName | 'all'>()).min(1).default(['tmpfs']),
  /** How to restore: "mapped", "lazy" or "eager". "plain" starts from scratch instead. */
  strategies: z.array(nameOf<StrategyName>()).min(1).default(['mapped']),
  /** Measure each case a second time with its files dropped from the page cache, if the filesystem allows it. */
  cold: z.boolean().default(false),
  /** For the filesystem `ceph`: which cluster to use, and how to mount it. */
  ceph: Ceph.prefault({}),
  /**
   * CRIUs to compare, by name: `{ stock: 'build', mine: '/opt/criu/criu' }`. Each dumps and restores with itself, in the
   * same rounds. Default: the one of the base image.
   */
  criu: Crius.optional(),
  /** Where containers read CRIU's program from: the filesystem under test, or this machine's memory. */
  criuOn: z.enum(['filesystem', 'local']).default('filesystem'),
  /** Measure the sizes of a filesystem in turn, as many at a time as fit into memory. */
  interleave: z.boolean().default(false),
  /**
   * The program to checkpoint, by name: "python" (the reference's), "native", "python-http", "node-http" or your own.
   */
  handler: nameOf<HandlerName>().default('python'),
  /** Samples of each case, and dumps. The defaults of `iterations` and `time` are larger with a baseline. */
  iterations: z.int().min(1).max(10_000).optional(),
  /** The samples of a case, and its dumps, take at least this long, ms: fast ones are taken more often. */
  time: z.int().min(0).max(600_000).optional(),
  /** Runs and dumps before the samples, which do not count. */
  warmup: z.int().min(0).max(1000).default(1),
  /** The largest ratio of a median to the reference's figure. */
  tolerance: z.number().positive().default(2),
  /**
   * The largest ratio of a median to tmpfs's median of the same run, by phase, if the reference has no figure. Phases
   * that are not named keep their default.
   */
  ratios: Ratios.prefault({}),
  /** Sets the tolerance to 1. */
  strict: z.boolean().default(false),
  /** The source of the rootfs: a tarball, a folder, "docker:NAME", "podman:NAME" or "build". */
  baseImage: z.string().min(1).optional(),
  /** The host that restores: "namespace", or "ssh://user@host:port". Default: the host that dumps. */
  restoreOn: z
    .string()
    .regex(/^(namespace|ssh:\/\/[^/\s]+)$/, { error: '"namespace" or "ssh://user@host:port"' })
    .optional(),
  /** OpenSSH's configuration file for that host. Default: the user's own. */
  sshConfig: z.string().min(1).optional(),
  /** Limits of the second host's link in each direction, in the notation of tc(8). */
  link: Link.prefault({}),
  /** Where to mount: the absolute path of an empty folder. Default: a private folder. */
  rootfs: z.string().min(1).transform(withoutLinks).optional(),
  /** Name of the containers and of their cgroup. Default: a generated name. */
  containerName: z
    .string()
    // A run adds a part of its own to the name.
    .refine((name) => isCgroupName(name) && name.length <= 180, {
      error: 'up to 180 characters, no slash, no "-" in front, neither "." nor ".."',
    })
    .optional(),
  /** Compare this run with a baseline: its name in `baselines`, or the path of a results.json. */
  baseline: z.string().min(1).optional(),
  /** Save this run as a baseline of this name. */
  save: z
    .string()
    .regex(/^\w[\w.-]*$/, 'a name of letters, digits, ".", "_" and "-"')
    .optional(),
  /** The folder of the baselines, relative to the project's root. */
  baselines: z.string().min(1).default('reports/baselines'),
  /** Accept baselines of the "same" machine, or of a "similar" one, which has the same processor. */
  baselineMatch: z.enum(['same', 'similar']).default('same'),
  /** How often each case is set up anew, over the whole run: samples and time are divided among its set-ups. */
  setUps: z.int().positive().max(100).optional(),
  /** With a baseline: ratios up to 1 + `band` are noise; for dumps, up to 1 + 2 × `band`. */
  band: z.number().positive().max(1).default(0.04),
  /** With a baseline: smaller differences of medians are noise, ms. */
  floor: z.number().nonnegative().default(0.1),
  /** With a baseline: how much the medians of set-ups differ, as far as it is known beforehand; for dumps twice as much. */
  spread: z.number().positive().max(1).default(0.025),
  /** A delay in every sample, to see a gate fail: where, and how many ms. */
  injectedDelay: z
    .strictObject({ where: z.enum(['launcher', 'restore', 'handler']), milliseconds: z.number().positive() })
    .optional(),
  /** Which logs of CRIU to keep: of the "slowest" sample of each case, and of the median one to compare it with. */
  keep: z.enum(['slowest']).optional(),
  /** The folder for the results, relative to the project's root. */
  output: z.string().min(1).default('reports/out'),
})

/**
 * Every option of the plugin: its type, default and allowed values. Users set options in `vitest.config.ts` as
 * `criu({ … })`, or by environment variables. Variables win.
 */
export const Options = Fields.superRefine(({ keep, save, baseline }, context) => {
  if (keep === undefined || (save ?? baseline) === undefined) return
  const message = 'no baseline and no save beside it, because writing the log makes restores slower'
  context.addIssue({ code: 'custom', path: ['keep'], message })
})

/** The options as a user writes them. */
export type CriuOptions = z.input<typeof Options>
/** The options as the rest of the code gets them: checked, complete, plain data. */
export type Settings = Readonly<
  z.output<typeof Options> & { iterations: number; time: number; setUps: number }
>
/** Settings of the filesystem `ceph`. */
export type CephSettings = Settings['ceph']

/** The default number of samples. */
export const EFFORT = { iterations: 10, time: 0, setUps: 1 }
/** The default with a baseline, which needs more. `npm run calibrate` shows which regressions these samples find. */
export const GATE_EFFORT = { iterations: 30, time: 3000, setUps: 3 }
