import type { Command } from 'commander'
import { oneLine } from '../../text.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { findTask } from '../find-task.ts'

export function define(command: Command, cli: Cli): void {
  command.argument('<task>', 'id of a task, its beginning, or the name of an agent')
  command.option('--deny', 'refuse what it asks for')
  examples(command, ['orch permit t-4kq8', 'orch permit t-4kq8 --deny'])
  command.action(async (name: string, options: { deny?: boolean }) => {
    const client = await cli.connect()
    const task = await findTask(client, name)
    const allow = options.deny !== true
    const { question, open } = await client.call('permit', { params: { id: task.id }, body: { allow } })
    const more = open > 0 ? `; ${open} more to answer` : ''
    const about = oneLine(question.about, 500)
    cli.answer(
      'permitted',
      { task: task.id, allow, question, open },
      () => `${allow ? 'allowed' : 'refused'}: ${about}${more}\n`,
    )
  })
}
