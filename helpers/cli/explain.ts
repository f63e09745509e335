import { markdownTable } from 'markdown-table'
import { readImageSet, validateImageSet } from '../images/index.ts'
import { explainMapped, type Explained } from '../images/mapped/index.ts'
import { describeBytes } from '../units.ts'

/** One table for each process: each VMA with pages in the dump, how `mapped` restores it, why, and who guards it. */
export async function explainImages(folder: string): Promise<string> {
  const set = await readImageSet(folder)
  validateImageSet(set)
  return explainMapped(set).map(explainProcess).join('\n')
}

function explainProcess({ pid, areas, pageSize }: Explained): string {
  const rows = areas
    .filter(({ present }) => present > 0)
    .map(({ vma, present, decision, file }) => [
      `${vma.start.toString(16)}-${vma.end.toString(16)}`,
      describeBytes(Number(vma.end - vma.start)),
      String(present / pageSize),
      decision.mapped ? 'mapped' : 'eager',
      decision.why,
      decision.mapped ? (file ? 'read from its file by the launcher' : 'made anonymous by the launcher') : '',
    ])
  const header = ['address', 'size', 'pages', 'restored', 'why', 'discards']
  const table = markdownTable([header, ...rows], { align: ['l', 'r', 'r', 'l', 'l', 'l'] })
  return `process ${pid}, ${areas.length} VMAs, ${rows.length} with pages in the dump\n\n${table}\n`
}
