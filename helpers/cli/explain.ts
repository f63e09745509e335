import { markdownTable } from 'markdown-table'
import { readImageSet, validateImageSet } from '../images/index.ts'
import { explainMapped, type Explained } from '../images/mapped/index.ts'
import { describeBytes } from '../units.ts'

interface Row {
  /** Hexadecimal. */
  readonly address: string
  readonly bytes: number
  readonly pages: number
  readonly restored: 'mapped' | 'eager'
  readonly why: string
  readonly discards: string
}

interface ExplainedProcess {
  readonly pid: number
  readonly vmas: number
  /** Those with pages in the dump. */
  readonly areas: readonly Row[]
}

/** Each VMA with pages in the dump: how `mapped` restores it, why, and who guards it. A table for each process, or JSON. */
export async function explainImages(folder: string, { json }: { readonly json: boolean }): Promise<string> {
  const set = await readImageSet(folder)
  validateImageSet(set)
  const processes = explainMapped(set).map(explainProcess)
  return json ? JSON.stringify(processes, undefined, 2) : processes.map(asTable).join('\n')
}

const explainProcess = ({ pid, areas, pageSize }: Explained): ExplainedProcess => ({
  pid,
  vmas: areas.length,
  areas: areas
    .filter(({ present }) => present > 0)
    .map(({ vma, present, decision, file }) => ({
      address: `${vma.start.toString(16)}-${vma.end.toString(16)}`,
      bytes: Number(vma.end - vma.start),
      pages: present / pageSize,
      restored: decision.mapped ? 'mapped' : 'eager',
      why: decision.why,
      discards: decision.mapped ? (file ? 'read from its file by the launcher' : 'made anonymous by the launcher') : '', // prettier-ignore
    })),
})

function asTable({ pid, vmas, areas }: ExplainedProcess): string {
  const rows = areas.map(({ address, bytes, pages, restored, why, discards }) => [
    address,
    describeBytes(bytes),
    String(pages),
    restored,
    why,
    discards,
  ])
  const header = ['address', 'size', 'pages', 'restored', 'why', 'discards']
  const table = markdownTable([header, ...rows], { align: ['l', 'r', 'r', 'l', 'l', 'l'] })
  return `process ${pid}, ${vmas} VMAs, ${rows.length} with pages in the dump\n\n${table}\n`
}
