import { z } from 'zod'
import { isVersion1, upgradeVersion1 } from './results-v1.ts'

/** Version of the schema below: raised when a field changes its meaning or is removed. results-v1.ts reads version 1. */
export const RESULTS_VERSION = 2

/** CLOCK_REALTIME in nanoseconds: beyond 2^53, hence a decimal string. */
const point = z.string().regex(/^\d+$/)
const milliseconds = z.number().nonnegative()
/** How long the control, a fixed and unrelated workload, took right before this sample. Missing where none ran. */
const control = milliseconds.optional()
/** What disturbed the machine during this sample: "steal 4 %". Missing on a quiet machine. */
const noise = z.array(z.string()).optional()
/** CRIU's own statistics, as it writes them; units are in the names. */
const stats = z.record(z.string(), z.number())

const Sample = z.strictObject({
  /** Durations are derived from these by timeline.ts, which says where each is taken. */
  points: z.strictObject({
    spawned: point,
    containerStarted: point,
    restoreStarted: point,
    handlerStarted: point.optional(),
    handlerEnded: point,
    containerGone: point,
    drained: point.optional(),
  }),
  checksum: z.string(),
  stats,
  control,
  noise,
  /** Strategy mapped: system calls that the launcher answered in place of the kernel. */
  guard: z.strictObject({ notifications: z.int(), zeroedBytes: z.int(), refused: z.int() }).optional(),
  /** What the kernel counted for the restored process up to the end of its handler; sizes in bytes. */
  memory: z
    .strictObject({
      minorFaults: z.int(),
      majorFaults: z.int(),
      rss: z.int(),
      pss: z.int(),
      privateDirty: z.int(),
      /** Mapped by huge pages. */
      huge: z.int(),
    })
    .optional(),
})

const Dump = z.strictObject({
  /** CRIU's own total, which is the reference's dump cost. */
  total: milliseconds,
  /** From spawn to exit. */
  wall: milliseconds,
  stats,
  control,
  noise,
})

/** The judgement of a median within its run: made once by helpers/gate, read by matchers, reports and the exit status. */
const Verdict = z.strictObject({
  /** What the median was compared with; "none" where nothing is given to compare it with. */
  source: z.enum(['reference', 'tmpfs', 'threshold', 'none']),
  state: z.enum(['pass', 'miss', 'ungated']),
  /** Why, with every figure: "6.53 × the reference's 5.2 ms, beyond the tolerance of 2 ×". */
  reason: z.string(),
  /** The figure that the median was compared with. */
  reference: milliseconds.optional(),
  /** The strategy whose median `reference` is, for a threshold such as { times: 1, of: 'plain' }. */
  of: z.string().optional(),
  /** median / reference. */
  ratio: z.number().optional(),
  /** The largest ratio that passes. */
  tolerance: z.number().optional(),
})

/** The comparison of a figure with the same figure of an earlier run on the same machine. */
const Comparison = z.strictObject({
  verdict: z.enum(['pass', 'regression', 'improvement', 'inconclusive']),
  /** Of the baseline. */
  median: milliseconds,
  n: z.int().positive(),
  /**
   * This run's median / the baseline's, each sample divided by the control beside it where both runs have one, and its
   * bootstrap interval at `confidence`, corrected for the number of rows.
   */
  ratio: z.number(),
  interval: z.tuple([z.number(), z.number()]),
  confidence: z.number(),
  /** Control now / control then, which `ratio` does not contain. Missing where one run has no control. */
  machine: z.number().optional(),
  /** Why, in one sentence with the figures. */
  reason: z.string(),
  /** The first result, where a suspicion led to a second measurement. */
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
  verdict: Verdict,
  /** Missing where the run has no baseline, or the baseline lacks this figure. */
  baseline: Comparison.optional(),
})

const OneHost = z.strictObject({
  /** "namespace 10.42.0.1", "ssh://root@other". */
  name: z.string(),
  kernel: z.string(),
  cpu: z.string(),
})

/** The two hosts of a suite. Dumps are timed by the first one's clock, samples by the second one's, no phase by both. */
const Hosts = z.strictObject({
  dumped: OneHost,
  restored: OneHost,
  /** The limits of the restoring host's link, in each direction, as tc(8) writes them. */
  link: z.strictObject({ delay: z.string().optional(), bandwidth: z.string().optional() }).optional(),
  /** The restoring host's clock minus the dumping one's, ms: the best of `probes`, at most `bound` away from the truth. */
  clock: z.strictObject({ offset: z.number(), bound: milliseconds, probes: z.int().positive() }),
})

const Suite = z.strictObject({
  /** As in the terminal: "tmpfs 64MB mapped". */
  title: z.string(),
  filesystem: z.string(),
  strategy: z.string(),
  /** What was mounted and how. */
  mounted: z.string(),
  /** Bytes. */
  size: z.int().positive(),
  /** "64MB"; the name of a handler that has no sizes. */
  label: z.string(),
  handler: z.string(),
  /** The page cache was dropped before each sample. Missing for a warm suite. */
  cold: z.literal(true).optional(),
  /** Missing where one host dumped and restored. */
  hosts: Hosts.optional(),
  baseImage: z.string(),
  /** Checksum from before the dump, which every sample returned. */
  checksum: z.string(),
  /** Bytes of memory that a restore maps from a file, and bytes that it copies. */
  mapped: z.int(),
  copied: z.int(),
  /** The program of the control, named by its content: times of two programs are not comparable. */
  control: z.string().optional(),
  /** Addresses (hexadecimal) at which the launcher makes discarded memory read as zeros, and the mapped file. */
  guarded: z.strictObject({ start: z.string(), end: z.string(), file: z.string() }).optional(),
  figures: z.array(Figure),
  dumps: z.array(Dump),
  samples: z.array(Sample),
  /** The second measurement of a suspected change: the comparison rests on these alone. */
  again: z.strictObject({ dumps: z.array(Dump), samples: z.array(Sample) }).optional(),
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

/** Sources of noise, read before the run. */
const Noise = z.strictObject({
  /** Load average of the last minute. */
  load: z.number(),
  /** CPU frequency governor. Missing where the machine shows none. */
  governor: z.string().optional(),
  /** Bytes. */
  swapUsed: z.int(),
  /** CPU time that the hypervisor gave to other machines, in percent. */
  steal: z.number(),
  /** "kvm", "none", … as systemd-detect-virt names them. */
  virtualisation: z.string(),
  /** One instruction for each problem. */
  advice: z.array(z.string()),
})

/** reports/out/results.json: everything that a run measured, and the machine it ran on. */
export const Results = z.strictObject({
  version: z.literal(RESULTS_VERSION),
  /** ISO 8601, UTC. */
  createdAt: z.string(),
  fingerprint: Fingerprint,
  options: z.record(z.string(), z.unknown()),
  noise: Noise.optional(),
  /** The earlier run that the figures were compared with. */
  baseline: z.strictObject({ name: z.string(), createdAt: z.string() }).optional(),
  suites: z.array(Suite),
})

/** The phases that decide against a baseline. The other phases explain a cold start. */
export const DECIDING: readonly string[] = ['cold start', 'dump']

/** Parses a results.json of this version or an earlier one. Throws ZodError. */
export const parseResults = (content: unknown): Results =>
  Results.parse(isVersion1(content) ? upgradeVersion1(content, RESULTS_VERSION) : content)

export type Results = z.infer<typeof Results>
export type SuiteResults = z.infer<typeof Suite>
export type HostsResults = z.infer<typeof Hosts>
export type SampleResults = z.infer<typeof Sample>
export type FigureResults = z.infer<typeof Figure>
export type VerdictResults = z.infer<typeof Verdict>
export type ComparisonResults = z.infer<typeof Comparison>
export type NoiseResults = z.infer<typeof Noise>
export type Fingerprint = z.infer<typeof Fingerprint>
