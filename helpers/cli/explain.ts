import { markdownTable } from 'markdown-table'
import { readImageSet, sharedMemory, validateImageSet, type SharedMemory } from '../images/index.ts'
import { differencesOf, explainMapped, type Difference, type Explained } from '../images/mapped/index.ts'
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

/**
 * A table for each process: each VMA with pages in the dump, how `mapped` restores it, why, and who guards it. Then one of
 * the memory that processes share, and a warning for each thing by which `mapped` may differ from `eager`. Or all that as
 * JSON.
 */
export async function explainImages(folder: string, { json }: { readonly json: boolean }): Promise<string> {
  const set = await readImageSet(folder)
  validateImageSet(set)
  const processes = explainMapped(set).map(explainProcess)
  const [shared, warnings] = [sharedMemory(set), differencesOf(set)]
  if (json) return JSON.stringify({ processes, shared, warnings }, undefined, 2)
  return [...processes.map(asTable), ...explainShared(shared), ...warnings.map(warn)].join('\n')
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

function explainShared(shared: readonly SharedMemory[]): string[] {
  if (shared.length === 0) return []
  const total = shared.reduce((sum, { size }) => sum + size, 0)
  const rows = shared.map(({ what, size, by }) => [
    what,
    describeBytes(size),
    by === 'CRIU' ? 'eager' : 'copied into the container by the launcher',
  ])
  const table = markdownTable([['shared memory', 'size', 'restored'], ...rows], {
    align: ['l', 'r', 'l'],
  })
  return [
    `shared memory: ${describeBytes(total)}, all of it read before a process runs, whatever the strategy\n\n${table}\n`,
  ]
}

const warn = ({ pid, has, effect }: Difference): string =>
  `warning: process ${pid} ${has}. After a restore by mapped, unlike eager: ${effect}.\n`
