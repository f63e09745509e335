import { inject, TestRunner } from 'vitest'
import { suspectsAmong } from '../gate/baseline.ts'
import { readBaseline, type Baseline } from '../gate/baseline-file.ts'
import type { CampaignPlan } from '../measure/campaign.ts'

let baseline: Promise<Baseline> | undefined

/**
 * The phases that seem to have changed since the baseline. They are measured again, and only the new samples decide,
 * because the first ones were selected for being unusual. None without a baseline.
 */
export const suspects: CampaignPlan['suspectsAmong'] = async (suites) => {
  const path = inject('criuBaseline')
  if (path === null) return new Map()
  baseline ??= readBaseline(path)
  const file = TestRunner.getCurrentTest()?.file.name
  const project = inject('criuProject')
  const place = { ...(file !== undefined && { file }), ...(project !== '' && { project }) }
  return suspectsAmong(suites, await baseline, inject('criu'), place)
}
