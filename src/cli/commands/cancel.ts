import type { Command } from 'commander'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { eachTask } from '../each-task.ts'

export function define(command: Command, cli: Cli): void {
  command.argument('<task...>', 'ids of tasks, or their beginnings')
  examples(command, ['orch cancel t-4kq8', 'orch cancel t-4kq8 t-9x2m'])
  command.action((names: string[]) =>
    eachTask(cli, names, 'cancel', 'cancelled; its work is saved on its branch'),
  )
}
