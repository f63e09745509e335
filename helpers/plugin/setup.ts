/** Set-up file that the plugin adds to a project: the matcher, and time for real dumps and restores. */
import { afterAll, expect, inject, vi } from 'vitest'
import { toleranceOf } from '../config/settings.ts'
import { closeFilesystems } from '../filesystems/index.ts'
import { toKeepUpWithTmpfs, toMeetReference } from './matchers.ts'

// Every external call has its own limit: this one is for their sum.
vi.setConfig({ testTimeout: 30 * 60_000, hookTimeout: 30 * 60_000 })

expect.extend({
  toMeetReference: (received: unknown, options?: { tolerance?: number }) =>
    toMeetReference(received, options?.tolerance ?? toleranceOf(inject('criu'))),
  toKeepUpWithTmpfs: (received: unknown) => toKeepUpWithTmpfs(received, inject('criu').ratios),
})

// A cluster serves all suites of a file: nobody but the file's end knows which of them was the last.
afterAll(closeFilesystems)
