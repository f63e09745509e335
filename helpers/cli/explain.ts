import { markdownTable } from 'markdown-table'
import { readImageSet, sharedMemory, validateImageSet, type SharedMemory } from '../images/index.ts'
import { differencesOf, explainMapped, type Difference, type Explained } from '../images/mapped/index.ts'
import { describeBytes } from '../units.ts'

/**
 * A table for each process: each VMA with pages in the dump, how `mapped` restores it, why, and who guards it. Then one of
 * the memory that processes share, and a warning for each thing by which `mapped` may differ from `eager`.
 */
export async function explainImages(folder: string): Promise<string> {
  const set = await readImageSet(folder)
  validateImageSet(set)
  return [
    ...explainMapped(set).map(explainProcess),
    ...explainShared(sharedMemory(set)),
    ...differencesOf(set).map(warn),
  ].join('\n')
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
