/** Something of a process that keeps it from being dumped, or from coming back in a container. */
export interface Finding {
  /** Whose and what: "fd 5 of 1002: an io_uring". */
  readonly what: string
  readonly fix: string
  /** It may go by itself within a moment. */
  readonly passes?: true
}
