/** The set-up file that the plugin adds to a project of benchmarks: the matchers, and the end of the test cluster. */
import { afterAll, expect } from 'vitest'
import { toleranceOf } from '../config/settings.ts'
import { closeFilesystems } from '../filesystems/index.ts'
import { TIME_LIMIT } from './checkpointed.ts'
import { testSettings } from './context.ts'
import { toKeepUpWithTmpfs, toMeetReference, toPassGate } from './matchers.ts'

expect.extend({
  toPassGate,
  toMeetReference(received: unknown, options?: { tolerance?: number }) {
    const tolerance = options?.tolerance ?? toleranceOf(testSettings())
    return toMeetReference(received, { tolerance, isNot: this.isNot })
  },
  toKeepUpWithTmpfs: (received: unknown) => toKeepUpWithTmpfs(received, testSettings().ratios),
})

// A test cluster serves all suites of a file, so it ends with the file.
afterAll(closeFilesystems, TIME_LIMIT)
