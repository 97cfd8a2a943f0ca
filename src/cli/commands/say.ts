import type { Command } from 'commander'
import { OrchError } from '../../errors.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { findTask } from '../find-task.ts'
import { readInput } from '../input.ts'

export function define(command: Command, cli: Cli): void {
  command.argument('<task>', 'id of a task, its beginning, or the name of an agent')
  command.argument('<text...>', 'what to tell its agent; - reads it from standard input')
  examples(command, ['orch say t-4kq8 "Use the existing parser instead"', 'orch say t-4kq8 - <review.txt'])
  command.action(async (name: string, words: string[]) => {
    const piped = words.length === 1 && words[0] === '-'
    const text = piped ? (await readInput('-', cli.world)).text : words.join(' ')
    if (text.trim() === '') throw new OrchError('E_USAGE', 'there is nothing to say')
    const client = await cli.connect()
    const task = await findTask(client, name)
    await client.call('say', { params: { id: task.id }, body: { text } })
    cli.answer('said', { task: task.id, text }, () => `told the agent of ${task.id}\n`)
  })
}
