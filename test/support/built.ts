import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/**
 * Sees to it that dist is as new as src, for tests that run the program as people have it. Costs some ms when it is, and
 * script/setup lets two at once build once.
 */
export default function build(): void {
  const setup = fileURLToPath(new URL('../../script/setup', import.meta.url))
  const built = spawnSync(setup, { encoding: 'utf8' })
  if (built.status !== 0)
    throw new Error(`script/setup ended with ${built.status ?? built.signal}:\n${built.stderr}`)
}
