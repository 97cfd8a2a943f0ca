import type { Command } from 'commander'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { eachTask } from '../each-task.ts'

export function define(command: Command, cli: Cli): void {
  command.argument('<task...>', 'ids of tasks, or their beginnings')
  examples(command, ['orch retry t-4kq8', 'orch retry t-4kq8 && orch logs -f t-4kq8'])
  command.action((names: string[]) => eachTask(cli, names, 'retry', 'is queued again, with all its tries'))
}
