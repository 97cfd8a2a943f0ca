import type { Command } from 'commander'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { findTask } from '../find-task.ts'

export function define(command: Command, cli: Cli): void {
  command.argument('<task>', 'id of a task, its beginning, or the name of an agent')
  command.argument('[text...]', 'what it goes on with; without it the task waits for `orch say`')
  examples(command, ['orch interrupt t-4kq8', 'orch interrupt t-4kq8 "Stop. Only the parser, not the tests"'])
  command.action(async (name: string, words: string[]) => {
    const text = words.join(' ').trim()
    const client = await cli.connect()
    const task = await findTask(client, name)
    await client.call('interrupt', { params: { id: task.id }, body: text ? { text } : {} })
    const next = text ? 'it goes on with what you said' : `it waits: orch say ${task.id} "…"`
    cli.answer(
      'interrupted',
      { task: task.id, ...(text && { text }) },
      () => `ended the turn of ${task.id}; ${next}\n`,
    )
  })
}
