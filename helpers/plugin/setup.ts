/** The set-up file that the plugin adds to a project: matchers, and time limits that suit dumps and restores. */
import { afterAll, expect, inject, vi } from 'vitest'
import { toleranceOf } from '../config/settings.ts'
import { closeFilesystems } from '../filesystems/index.ts'
import { toKeepUpWithTmpfs, toMeetReference, toPassGate } from './matchers.ts'

// Every external call has its own time limit. These limits are for their sum.
vi.setConfig({ testTimeout: 30 * 60_000, hookTimeout: 30 * 60_000 })

expect.extend({
  toPassGate,
  toMeetReference(received: unknown, options?: { tolerance?: number }) {
    const tolerance = options?.tolerance ?? toleranceOf(inject('criu'))
    return toMeetReference(received, { tolerance, isNot: this.isNot })
  },
  toKeepUpWithTmpfs: (received: unknown) => toKeepUpWithTmpfs(received, inject('criu').ratios),
})

// A test cluster serves all suites of a file, so it ends with the file.
afterAll(closeFilesystems)
