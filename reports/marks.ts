/** The marks of all tables. They are legible without colour. */

/** The judgement within one run: against the reference, tmpfs or a threshold. */
export const GATE_MARKS = { pass: '✓', miss: '✗', ungated: '·' } as const

/** The comparison with a baseline. */
export const BASELINE_MARKS = { pass: '=', regression: '▲', improvement: '▼', inconclusive: '?' } as const

/** The single verdict of a figure, which combines both. */
export const VERDICT_MARKS = {
  ...BASELINE_MARKS,
  slower: '▵',
  faster: '▿',
  pass: GATE_MARKS.pass,
  miss: GATE_MARKS.miss,
  'not gated': GATE_MARKS.ungated,
} as const
