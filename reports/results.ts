import { z } from 'zod'
import { isVersion1, upgradeVersion1 } from './results-v1.ts'
import { SideBySide } from './side-by-side.ts'

/** Version of the schema, raised when a field is removed or changes its meaning. results-v1.ts reads version 1. */
export const RESULTS_VERSION = 2

/** CLOCK_REALTIME in nanoseconds. A decimal string, because it exceeds 2^53. */
const point = z.string().regex(/^\d+$/)
const milliseconds = z.number().nonnegative()
/** Duration of the control, a fixed and unrelated workload, right before this sample. Missing if no control ran. */
const control = milliseconds.optional()
/** Duration of the control for work on memory right before this sample: it fills and copies a buffer. */
const memoryControl = milliseconds.optional()
/** The set-up that this sample was taken with, from 0: mounted, started and dumped anew. Missing in the first. */
const setUp = z.int().nonnegative().optional()
/** Disturbances during this sample: "steal 4 %". Missing if there were none. */
const noise = z.array(z.string()).optional()
/** CRIU's own statistics. Their names have the unit. */
const stats = z.record(z.string(), z.number())
/** How long CRIU was in each stage, by the time stamps of its log, in the order in which they began. */
const stages = z.record(z.string(), milliseconds).optional()

/** Path beside results.json. */
const keptLog = z.string().regex(/^logs\/[\w.-]+\.log$/)

const Sample = z.strictObject({
  /** timeline.ts defines the points and derives the durations of phases from them. */
  points: z.strictObject({
    spawned: point,
    containerStarted: point,
    namespacesStarted: point.optional(),
    mountsStarted: point.optional(),
    mountsEnded: point.optional(),
    restoreStarted: point,
    commandExecuted: point.optional(),
    handlerStarted: point.optional(),
    handlerEnded: point,
    containerGone: point,
    drained: point.optional(),
    calledAgain: point.optional(),
    answeredAgain: point.optional(),
  }),
  checksum: z.string(),
  stats,
  /** Only with the option `keep`, which turns the log of restores on. */
  stages,
  control,
  memoryControl,
  noise,
  setUp,
  /** Only strategy mapped: the system calls on mapped memory, which the launcher prepared or answered. */
  guard: z
    .strictObject({
      notifications: z.int(),
      /** Bytes that became anonymous memory: without their contents, and with them. */
      discardedBytes: z.int().optional(),
      keptBytes: z.int().optional(),
      zeroedBytes: z.int(),
      refused: z.int(),
    })
    .optional(),
  /** The kernel's counters of the restored process at the end of its handler; sizes in bytes. */
  memory: z
    .strictObject({
      minorFaults: z.int(),
      majorFaults: z.int(),
      rss: z.int(),
      pss: z.int(),
      privateDirty: z.int(),
      /** Memory in huge pages. */
      huge: z.int(),
    })
    .optional(),
})

const Dump = z.strictObject({
  /** CRIU's own total, which the reference calls the cost of a dump. */
  total: milliseconds,
  /** From the spawn of criu to its exit. */
  wall: milliseconds,
  stats,
  /** They add up to `total`. Missing in files of earlier versions. */
  stages,
  control,
  memoryControl,
  noise,
  setUp,
})

/** One rewrite of a dump: how long it takes to make the images that the strategy restores from. */
const Rewrite = z.strictObject({ wall: milliseconds, control, memoryControl, noise, setUp })

/** The judgement of a median within its run. helpers/gate makes it; matchers, reports and the exit status read it. */
const Verdict = z.strictObject({
  /** The kind of figure that the median was compared with; "none" if there is none. */
  source: z.enum(['reference', 'tmpfs', 'threshold', 'none']),
  state: z.enum(['pass', 'miss', 'ungated']),
  /** The reason, with every figure: "6.53 × the reference's 5.2 ms, beyond the tolerance of 2 ×". */
  reason: z.string(),
  /** The figure that the median was compared with. */
  reference: milliseconds.optional(),
  /** For a threshold such as { times: 1, of: 'plain' }: the strategy, or the CRIU, whose median is `reference`. */
  of: z.string().optional(),
  /** median / reference. */
  ratio: z.number().optional(),
  /** The largest ratio that passes. */
  tolerance: z.number().optional(),
})

/** The comparison of a figure with the same figure of an earlier run on the same machine. */
const Comparison = z.strictObject({
  verdict: z.enum(['pass', 'regression', 'improvement', 'inconclusive']),
  /** The baseline's median and number of samples. */
  median: milliseconds,
  n: z.int().positive(),
  /**
   * This run's median / the baseline's median: the ratio of their mean set-ups, without the drift `machine`. `interval`
   * is its interval at `confidence`, which is corrected for the number of rows; it includes the spread of set-ups.
   */
  ratio: z.number(),
  interval: z.tuple([z.number(), z.number()]),
  confidence: z.number(),
  /** The drift of the machine that `ratio` excludes. Missing if the runs have no control in common. */
  machine: z.number().optional(),
  /** How much the row follows the control, from 0 to 1: `machine` is the control's own change to this power. */
  slope: z.number().optional(),
  /** The reason, with the figures. */
  reason: z.string(),
  /** The first result, if a suspected change was measured again. */
  suspected: z.strictObject({ ratio: z.number(), interval: z.tuple([z.number(), z.number()]) }).optional(),
})

const Figure = z.strictObject({
  phase: z.string(),
  n: z.int().positive(),
  median: milliseconds,
  mean: milliseconds,
  min: milliseconds,
  max: milliseconds,
  sd: milliseconds,
  /** The 95 % interval of the median, by bootstrap. Missing with fewer than 5 samples, and in files of earlier versions. */
  interval: z.tuple([milliseconds, milliseconds]).optional(),
  verdict: Verdict,
  /** Missing if the run has no baseline, or the baseline lacks this figure. */
  baseline: Comparison.optional(),
})

const OneHost = z.strictObject({
  /** "namespace 10.42.0.1", "ssh://root@other". */
  name: z.string(),
  kernel: z.string(),
  cpu: z.string(),
})

/** The two hosts of a suite. Dumps use the clock of `dumped`, samples the clock of `restored`. No phase uses both. */
const Hosts = z.strictObject({
  dumped: OneHost,
  restored: OneHost,
  /** The limits of the restoring host's link, in each direction, as tc(8) writes them. */
  link: z.strictObject({ delay: z.string().optional(), bandwidth: z.string().optional() }).optional(),
  /** Clock of `restored` minus clock of `dumped`, in ms: the best of `probes`, with an error of at most `bound`. */
  clock: z.strictObject({ offset: z.number(), bound: milliseconds, probes: z.int().positive() }),
})

const Suite = z.strictObject({
  /** "tmpfs 64MB mapped". */
  title: z.string(),
  filesystem: z.string(),
  strategy: z.string(),
  /** Description of the mount: "tmpfs, size 258.0 MB". */
  mounted: z.string(),
  /** Bytes. */
  size: z.int().positive(),
  /** The file that declares the suite, and its project if that has a name. Missing in files of earlier versions. */
  file: z.string().optional(),
  project: z.string().optional(),
  /** What tells the suite from another of the same title and handler: its file or project. Missing if there is none. */
  apart: z.string().optional(),
  /** "64MB"; for a handler without sizes, its name. */
  label: z.string(),
  handler: z.string(),
  /** Whether the page cache was dropped before each sample. Missing if it was not. */
  cold: z.literal(true).optional(),
  /** Missing if one host dumped and restored. */
  hosts: Hosts.optional(),
  /** The CRIU of the option `criu`: its name, version, the beginning of its SHA-256, and its additional arguments. */
  criu: z
    .strictObject({
      name: z.string(),
      version: z.string(),
      hash: z.string(),
      dump: z.array(z.string()),
      restore: z.array(z.string()),
    })
    .optional(),
  baseImage: z.string(),
  /** The checksum before the dump. Every sample returned the same one. */
  checksum: z.string(),
  /** Bytes of memory that a restore maps from a file. */
  mapped: z.int(),
  /** Bytes of memory that a restore copies. */
  copied: z.int(),
  /** Only strategy mapped: how many of `copied` are memory that processes share. Missing if there is none. */
  shared: z.int().positive().optional(),
  /** The files that were copied for the restored process, and their bytes. Missing in files of earlier versions. */
  files: z.strictObject({ count: z.int(), bytes: z.int() }).optional(),
  /** The control programs, named by the hash of their source. Times of different programs are not comparable. */
  control: z.string().optional(),
  memoryControl: z.string().optional(),
  /** The hexadecimal address range in which the launcher makes discarded memory read as zeros, and the mapped file. */
  guarded: z.strictObject({ start: z.string(), end: z.string(), file: z.string() }).optional(),
  /** CRIU's logs that the option `keep` kept. */
  kept: z.strictObject({ slowest: keptLog, median: keptLog }).optional(),
  figures: z.array(Figure),
  dumps: z.array(Dump),
  /** Only strategy mapped. */
  rewrites: z.array(Rewrite).optional(),
  samples: z.array(Sample),
  /** The second measurement of a suspected change. The comparison uses only these samples. */
  again: z
    .strictObject({ dumps: z.array(Dump), rewrites: z.array(Rewrite).optional(), samples: z.array(Sample) })
    .optional(),
})

const Fingerprint = z.strictObject({
  kernel: z.string(),
  architecture: z.string(),
  cpu: z.string(),
  cpus: z.int(),
  /** Bytes. */
  memory: z.int(),
  cgroup: z.string(),
  node: z.string(),
})

/** Sources of noise before the run. */
const Noise = z.strictObject({
  /** Load average of the last minute. */
  load: z.number(),
  /** CPU frequency governor. Missing if the kernel does not show one. */
  governor: z.string().optional(),
  /** Bytes. */
  swapUsed: z.int(),
  /** CPU time that the hypervisor gave to others, in percent. */
  steal: z.number(),
  /** "kvm", "none", … as systemd-detect-virt names them. */
  virtualisation: z.string(),
  /** One instruction for each problem that was found. */
  advice: z.array(z.string()),
})

/** reports/out/results.json: every sample of a run, and the machine. */
export const Results = z.strictObject({
  version: z.literal(RESULTS_VERSION),
  /** ISO 8601, UTC. Names files of baselines. */
  createdAt: z.iso.datetime(),
  fingerprint: Fingerprint,
  /** Why suites may be missing: the run was interrupted or crashed. Missing itself on results of a whole run. */
  incomplete: z.string().optional(),
  /** In a run of several projects: the options that they share. */
  options: z.record(z.string(), z.unknown()),
  /** The options of each project. Missing in a run of one project. */
  projects: z
    .array(z.strictObject({ name: z.string(), options: z.record(z.string(), z.unknown()) }))
    .optional(),
  noise: Noise.optional(),
  /** The earlier run that the figures were compared with. */
  baseline: z.strictObject({ name: z.string(), createdAt: z.string() }).optional(),
  suites: z.array(Suite),
  /** Tables of suites without phases. Missing if there are none. */
  sideBySide: z.array(SideBySide).optional(),
})

/** The phases whose comparison with a baseline decides. The other phases explain a cold start. */
export const DECIDING: readonly string[] = ['cold start', 'dump', 'rewrite']

/** Parses a results.json of this version or an earlier one. Throws ZodError. */
export const parseResults = (content: unknown): Results =>
  Results.parse(isVersion1(content) ? upgradeVersion1(content, RESULTS_VERSION) : content)

/** The text of results.json. */
export const resultsText = (results: Results): string => `${JSON.stringify(results, undefined, 2)}\n`

export type Results = z.infer<typeof Results>
export type SuiteResults = z.infer<typeof Suite>
export type HostsResults = z.infer<typeof Hosts>
export type SampleResults = z.infer<typeof Sample>
/** What a suite measured. */
export type SuiteSamples = Pick<SuiteResults, 'dumps' | 'rewrites' | 'samples'>
export type FigureResults = z.infer<typeof Figure>
export type VerdictResults = z.infer<typeof Verdict>
export type ComparisonResults = z.infer<typeof Comparison>
export type NoiseResults = z.infer<typeof Noise>
export type Fingerprint = z.infer<typeof Fingerprint>
