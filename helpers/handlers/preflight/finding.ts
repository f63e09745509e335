/** Something that prevents a dump of a process, or its restore in a container. */
export interface Finding {
  /** The owner and the obstacle: "fd 5 of 1002: an io_uring". */
  readonly what: string
  readonly fix: string
  /** Whether it may disappear by itself within a moment. */
  readonly passes?: true
}
