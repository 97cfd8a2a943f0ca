import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { candidates } from '../completion/candidates.ts'

/** What the completion scripts call: the words of the line so far, the last one being typed. One candidate a line. */
export function define(command: Command, cli: Cli): void {
  command.argument('[words...]').allowUnknownOption().passThroughOptions().helpOption(false)
  command.action(async (words: string[]) => {
    const found = await candidates(await cli.tree(), words, () => runningNames(cli))
    cli.world.out(found.map(({ value, about }) => `${value}\t${about}\n`).join(''))
  })
}

const PATIENCE_MS = 500

/** Tasks and agents that the daemon knows; nothing, quickly and silently, when there is none. */
async function runningNames(cli: Cli): Promise<{ value: string; about: string }[]> {
  try {
    const { oneLine } = await import('../../text.ts')
    const client = await cli.connect({ autostart: false })
    const { tasks } = await client.call('status', { query: {} }, { timeoutMs: PATIENCE_MS })
    return tasks.flatMap(({ id, agent, state, title }) => {
      const about = oneLine(`${state}: ${title}`, 60)
      return [{ value: id, about }, ...(agent ? [{ value: agent, about }] : [])]
    })
  } catch {
    return []
  }
}
