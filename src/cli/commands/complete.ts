import type { Command } from 'commander'
import type { Cli } from '../cli.ts'
import { type Candidate, candidates } from '../completion/candidates.ts'
import { findRepository } from '../repository.ts'

/** What the completion scripts call: the words of the line so far, the last one being typed. One candidate a line. */
export function define(command: Command, cli: Cli): void {
  command.argument('[words...]').allowUnknownOption().passThroughOptions().helpOption(false)
  command.action(async (words: string[]) => {
    const names = {
      tasks: () => runningNames(cli),
      profiles: () => profileNames(cli),
      messages: () => waitingMessages(cli),
      deadLetters: () => deadLetters(cli),
    }
    const found = await candidates(await cli.tree(), words, names)
    cli.world.out(found.map(({ value, about }) => `${value}\t${about}\n`).join(''))
  })
}

const PATIENCE = { timeoutMs: 500 }

/** Tasks and agents that the daemon knows; nothing, quickly and silently, when there is none. */
async function runningNames(cli: Cli): Promise<Candidate[]> {
  try {
    const { oneLine } = await import('../../text.ts')
    const client = await cli.connect({ autostart: false })
    const { tasks } = await client.call('status', { query: {} }, PATIENCE)
    return tasks.flatMap(({ id, agent, state, title }) => {
      const about = oneLine(`${state}: ${title}`, 60)
      return [{ value: id, about }, ...(agent ? [{ value: agent, about }] : [])]
    })
  } catch {
    return []
  }
}

/** Profiles that can be used here. */
async function profileNames(cli: Cli): Promise<Candidate[]> {
  try {
    const { oneLine } = await import('../../text.ts')
    const query = { repo: await findRepository(cli.repository()) }
    const client = await cli.connect({ autostart: false })
    const { profiles } = await client.call('profiles', { query }, PATIENCE)
    return profiles
      .filter(({ hiddenBy }) => !hiddenBy)
      .map(({ name, description }) => ({ value: name, about: oneLine(description, 60) }))
  } catch {
    return []
  }
}

async function waitingMessages(cli: Cli): Promise<Candidate[]> {
  try {
    const { gist } = await import('../../api/gist.ts')
    const client = await cli.connect({ autostart: false })
    const { messages } = await client.call('peek', { params: { name: 'person' }, query: {} }, PATIENCE)
    return messages.map(({ message }) => ({ value: message.id, about: gist(message, 60) }))
  } catch {
    return []
  }
}

async function deadLetters(cli: Cli): Promise<Candidate[]> {
  try {
    const { oneLine } = await import('../../text.ts')
    const client = await cli.connect({ autostart: false })
    const { letters } = await client.call('deadLetters', { query: { limit: 100 } }, PATIENCE)
    return letters.map(({ id, reason, about }) => ({
      value: id,
      about: oneLine(`${reason.code}: ${about}`, 60),
    }))
  } catch {
    return []
  }
}
