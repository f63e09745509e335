/**
 * Reports the progress of a suite, one line a step, on the worker's standard error. vitest forwards it while the run
 * goes on.
 */
export const progressOf =
  (title: string) =>
  (line: string): void =>
    void process.stderr.write(`▸ ${title}  ${line}\n`)
