import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'

/** Returns the programs that are not on PATH. */
export const missingPrograms = (programs: readonly string[]): string[] =>
  programs.filter((program) => !isInstalled(program))

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
