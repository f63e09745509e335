/**
 * One line on standard error for each step of a suite, as it begins or ends: the worker's own stream, which vitest
 * hands through while the run goes on.
 */
export const progressOf =
  (title: string) =>
  (line: string): void =>
    void process.stderr.write(`▸ ${title}  ${line}\n`)
