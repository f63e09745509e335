import { z } from 'zod'

/** Version of the schema below: raised when a field changes its meaning or goes. */
export const RESULTS_VERSION = 1

/** CLOCK_REALTIME in nanoseconds: beyond 2^53, hence a decimal string. */
const point = z.string().regex(/^\d+$/)
const milliseconds = z.number().nonnegative()
/** Right before a sample: how long the machine took just then for a fixed piece of work, fixtures/programs/control.c. */
const control = milliseconds.optional()
/** CRIU's own statistics, as it writes them; units are in the names. */
const stats = z.record(z.string(), z.number())

const Sample = z.strictObject({
  /** c is left out where a handler is observed from outside: its start is not known. */
  points: z.strictObject({ s: point, a: point, b: point, c: point.optional(), d: point, e: point }),
  /** Spans between those points in ns, as decimal strings: lean container + restore + execution = cold start. */
  nanoseconds: z.record(z.string(), point),
  checksum: z.string(),
  stats,
  control,
  /** What disturbed the machine while this sample was taken: "steal 4 %"; left out on a quiet one. */
  noise: z.array(z.string()).optional(),
  /** lazy: when the last page had come in. */
  drained: point.optional(),
  /** mapped: calls that the launcher answered in place of the kernel. */
  guard: z.strictObject({ notifications: z.int(), zeroedBytes: z.int(), refused: z.int() }).optional(),
  /** What the kernel counted for the restored process up to the end of its handler; bytes. */
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
  /** CRIU's own total, the reference's dump cost. */
  total: milliseconds,
  /** From spawn to exit. */
  wall: milliseconds,
  stats,
  control,
  /** As on a sample. */
  noise: z.array(z.string()).optional(),
})

/** A figure held against the same figure of an earlier run on the same machine. */
const Comparison = z.strictObject({
  verdict: z.enum(['pass', 'regression', 'improvement', 'inconclusive']),
  /** Of the baseline. */
  median: milliseconds,
  n: z.int().positive(),
  /**
   * This run's median / the baseline's, each sample over the control beside it where both have one, and its bootstrap
   * interval at `confidence`, corrected for the rows compared.
   */
  ratio: z.number(),
  interval: z.tuple([z.number(), z.number()]),
  confidence: z.number(),
  /** How many times as long the control took as then, which `ratio` is free of; left out where one side has none. */
  machine: z.number().optional(),
  /** Why, in one sentence with the figures. */
  reason: z.string(),
  /** The suspicion that made it be measured once more: what it was before that. */
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
  /** "ungated": the reference has no figure for it. */
  state: z.enum(['pass', 'miss', 'ungated']),
  reference: milliseconds.optional(),
  /** The filesystem that `reference` was measured on in the same run, where it is not the reference's own figure. */
  against: z.string().optional(),
  /** median / reference. */
  ratio: z.number().optional(),
  tolerance: z.number().optional(),
  /** Against the baseline, where there is one and it has this figure. */
  baseline: Comparison.optional(),
})

const OneHost = z.strictObject({
  /** "namespace 10.42.0.1", "ssh://root@other". */
  name: z.string(),
  kernel: z.string(),
  cpu: z.string(),
})

/** Where the two halves of a suite ran. Dumps are timed by the one's clock, samples by the other's, no span by both. */
const Hosts = z.strictObject({
  dumped: OneHost,
  restored: OneHost,
  /** What the link of the restoring host was held down to, in each direction, as tc(8) writes it. */
  link: z.strictObject({ delay: z.string().optional(), bandwidth: z.string().optional() }).optional(),
  /** The restoring host's clock less the dumping one's, ms, by the best of that many probes; the truth is within the bound. */
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
  /** Files were taken out of the machine's cache before each sample; warm when left out. */
  cold: z.literal(true).optional(),
  /** Left out where one host did both. */
  hosts: Hosts.optional(),
  baseImage: z.string(),
  /** Checksum from before the dump, which every sample gave again. */
  checksum: z.string(),
  /** Bytes of memory that a restore maps, and that it copies. */
  mapped: z.int(),
  copied: z.int(),
  /** The program whose times are the samples' `control`, by its content: those of another one are not comparable. */
  control: z.string().optional(),
  /** Where the launcher sees to it that discarded memory reads as zeros: addresses in hexadecimal, and the file. */
  guarded: z.strictObject({ start: z.string(), end: z.string(), file: z.string() }).optional(),
  figures: z.array(Figure),
  dumps: z.array(Dump),
  samples: z.array(Sample),
  /** Taken after those, where they differed from the baseline: the verdict rests on these alone. */
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

/** What disturbs a measurement, looked at before the run. */
const Noise = z.strictObject({
  /** Processes that ran or waited, over the last minute. */
  load: z.number(),
  /** CPU frequency governor; left out where the machine shows none. */
  governor: z.string().optional(),
  /** Bytes. */
  swapUsed: z.int(),
  /** Share of CPU time that the hypervisor gave to others, in percent. */
  steal: z.number(),
  /** "kvm", "none", … as systemd-detect-virt names them. */
  virtualisation: z.string(),
  /** What to do about it, a sentence each. */
  advice: z.array(z.string()),
})

/** reports/out/results.json: everything a run measured, and what it was measured on. */
export const Results = z.strictObject({
  version: z.literal(RESULTS_VERSION),
  /** ISO 8601, UTC. */
  createdAt: z.string(),
  fingerprint: Fingerprint,
  options: z.record(z.string(), z.unknown()),
  noise: Noise.optional(),
  /** What the figures were held against. */
  baseline: z.strictObject({ name: z.string(), createdAt: z.string() }).optional(),
  suites: z.array(Suite),
})

/** What a verdict on the run rests on: the whole start, and the dump. The parts of a start explain it. */
export const DECIDING: readonly string[] = ['cold start', 'dump']

export type Results = z.infer<typeof Results>
export type SuiteResults = z.infer<typeof Suite>
export type HostsResults = z.infer<typeof Hosts>
export type SampleResults = z.infer<typeof Sample>
export type FigureResults = z.infer<typeof Figure>
export type ComparisonResults = z.infer<typeof Comparison>
export type NoiseResults = z.infer<typeof Noise>
export type Fingerprint = z.infer<typeof Fingerprint>
