import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The hook script (hook.sh) as a file of the attempt directory, and the commands that call it. */
export interface HookScript {
  /** For `Launch.files`. */
  files: Readonly<Record<string, string>>
  /** The command line, for a shell, of the hook of this name. That for a turn's end hands over what is on offer. */
  command(hook: string): string
}

/** By the names that programs have for it. */
const ENDS_TURN = new Set(['Stop', 'AfterAgent'])

/** @param driver begins the name of its file; @param directory of the attempt */
export async function hookScript(driver: string, directory: string): Promise<HookScript> {
  const file = `${driver}-hook.sh`
  const path = join(directory, file).replaceAll("'", `'\\''`)
  return {
    files: { [file]: await readFile(new URL('hook.sh', import.meta.url), 'utf8') },
    command: (hook) => `sh '${path}' ${hook}${ENDS_TURN.has(hook) ? ' take' : ''}`,
  }
}
