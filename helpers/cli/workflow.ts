import { readFile } from 'node:fs/promises'
import { fixture } from '../installation/paths.ts'
import type { PackageManager } from './package-manager.ts'

const DEFAULTS = `    defaults:
      run:
        working-directory: FOLDER
`

/**
 * A GitHub workflow that measures the project in `folder`, which is relative to the repository's root and empty if it is
 * the root.
 */
export async function workflow({ install, exec }: PackageManager, folder: string): Promise<string> {
  const template = await readFile(fixture('workflow.yml'), 'utf8')
  return template
    .replace(DEFAULTS, folder === '' ? '' : DEFAULTS)
    .replace('- run: INSTALL', install.map((command) => `- run: ${command}`).join('\n      '))
    .replaceAll('EXEC', exec)
    .replaceAll('FOLDER/', folder === '' ? '' : `${folder}/`)
    .replaceAll('FOLDER', folder)
}
