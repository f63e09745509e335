import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { NO_HISTORY } from '../../../reports/history.ts'
import { REPORTS } from '../../../reports/files.ts'
import { terminalReport } from '../../../reports/terminal.ts'
import { decodeImage, encodeImage, neededFiles, readImageSet, validateImageSet, type ImageSet } from '../../images/index.ts' // prettier-ignore
import { explainMapped, rewriteMapped } from '../../images/mapped/index.ts'
import { readResults } from '../../results/read.ts'
import { mutateBytes, mutateTree, type Chance } from './mutate.ts'

/** One case: bytes that somebody may hand us, and what is done with them. */
export interface Case {
  readonly file: string
  readonly bytes: Uint8Array
  readonly run: () => unknown
}

/** Makes cases of one kind. */
export type Subject = (chance: Chance) => Case | undefined

/** The bytes of one image of a real dump, changed at random. */
export const imageBytes =
  (files: ReadonlyArray<{ readonly path: string; readonly bytes: Uint8Array }>): Subject =>
  (chance) => {
    const { path, bytes } = chance.of(files)
    const mutated = mutateBytes(bytes, chance)
    return { file: path, bytes: mutated, run: () => decodeImage(mutated, path) }
  }

/** A real dump of which one image has other values, all well encoded: what is checked beyond the encoding. */
export const imageSet =
  (sets: readonly ImageSet[]): Subject =>
  (chance) => {
    const set = chance.of(sets)
    const [file, image] = chance.of([...set.images])
    const path = join(set.folder, file)
    const copy = decodeImage(encodeImage(image), path)
    mutateTree(copy, chance, false)
    const bytes = encoded(copy)
    if (!bytes) return undefined
    return { file: path, bytes, run: () => useSet(set, file, path, bytes) }
  }

/** A value that no image can have has no bytes. */
function encoded(image: Parameters<typeof encodeImage>[0]): Uint8Array | undefined {
  try {
    return encodeImage(image)
  } catch {
    return undefined
  }
}

function useSet(set: ImageSet, file: string, path: string, bytes: Uint8Array): void {
  const image = decodeImage(bytes, path)
  if (image.type === 'RAW') return
  const changed = { ...set, images: new Map([...set.images, [file, image]]) }
  validateImageSet(changed)
  neededFiles(changed)
  explainMapped(changed)
  rewriteMapped(changed, '/mapped/backing')
}

/** A results file with other values or other bytes; every report of one that can be read. */
export const resultsFile =
  (text: string, folder: string): Subject =>
  (chance) => {
    const file = join(folder, 'results.json')
    const bytes = chance.below(4) === 0 ? mutateBytes(Buffer.from(text), chance) : Buffer.from(otherResults(text, chance)) // prettier-ignore
    return {
      file,
      bytes,
      run: async () => {
        await writeFile(file, bytes)
        const results = await readResults(file)
        terminalReport(results)
        // The page takes as long as a hundred of the others.
        const isPageDue = chance.below(20) === 0
        for (const [name, render] of REPORTS)
          if (name !== 'results.html' || isPageDue) render(results, NO_HISTORY)
      },
    }
  }

function otherResults(text: string, chance: Chance): string {
  const tree: unknown = JSON.parse(text)
  if (typeof tree !== 'object' || tree === null) return text
  for (let left = 1 + chance.below(3); left > 0; left--) mutateTree(tree, chance, chance.below(2) === 0)
  return JSON.stringify(tree)
}

/** Real images in folders: each file that decodes, and each whole set. */
export async function corpusIn(folders: readonly string[]) {
  const sets = await Promise.all(folders.map((folder) => readImageSet(folder)))
  const files = await Promise.all(
    sets.flatMap(({ folder, images }) =>
      [...images.keys()].map(async (file) => {
        const path = join(folder, file)
        return { path, bytes: await readFile(path) }
      }),
    ),
  )
  return { sets, files }
}
