/** The set-up file that the plugin adds to a project of benchmarks: the suites, the matchers, and the end of the test cluster. */
import { afterAll, expect } from 'vitest'
import { toleranceOf } from '../config/settings.ts'
import { closeFilesystems } from '../filesystems/index.ts'
import { phasesOf } from '../matrix/phases.ts'
import { provideSuites } from './api.ts'
import { checkpointed, TIME_LIMIT } from './checkpointed.ts'
import { testSettings } from './context.ts'
import { matrixOf, restoreSuite } from './restore-suite.ts'
import { toKeepUpWithTmpfs, toMeetReference, toPassGate } from './matchers.ts'

provideSuites({ restoreSuite, matrix: matrixOf, checkpointed, phasesOf })

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
