import type { Command } from 'commander'
import { OrchError } from '../../errors.ts'
import { type Argv, spawnForeground } from '../../exec.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { findTask } from '../find-task.ts'

export function define(command: Command, cli: Cli): void {
  command.argument('<task>', 'id of a task, its beginning, or the name of an agent')
  examples(command, ['orch attach t-4kq8', 'orch attach t-4kq8 --json   # the command that would be run'])
  command.action(async (name: string) => {
    const client = await cli.connect()
    const task = await findTask(client, name)
    const { argv, host, ssh } = await client.call('attach', { params: { id: task.id } })
    if (cli.json) return cli.answer('attach', { task: task.id, argv, host, ssh }, () => '')
    if (host) throw new OrchError('E_STATE', `${task.id} is at work on the host ${host}`, { fix: `${ssh}` })
    const { environment } = cli.world
    if (!environment.stdoutTty || !environment.stdinTty)
      throw new OrchError('E_USAGE', 'attach needs a terminal', {
        fix: `orch logs -f ${task.id} shows the same without one.`,
      })
    const { TMUX: _, ...env } = environment.env // our server is not the one the person may sit in
    cli.exit(await spawnForeground(argv as unknown as Argv, { env }))
  })
}
