import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PROJECT } from './commands.ts'
import { temporaryFolder, type TemporaryFolder } from './folders.ts'

/** The module that a temporary project imports as this package. */
export const API = join(PROJECT, 'helpers/index.ts')

/** A temporary project with these files. `tree` is the path at which it sees this tree, whose node_modules it uses. */
export async function temporaryProject(
  files: Readonly<Record<string, string>>,
  tree = PROJECT,
): Promise<TemporaryFolder> {
  const folder = await temporaryFolder()
  await symlink(join(tree, 'node_modules'), join(folder.path, 'node_modules'))
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder.path, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  return folder
}
