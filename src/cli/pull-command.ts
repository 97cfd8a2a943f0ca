import type { Command } from 'commander'
import { examples } from './arguments.ts'
import type { Cli } from './cli.ts'

/** What the commands below `pr` have in common: they know which repository and forge is meant. */

export interface Place {
  repo?: string
  forge?: 'auto' | 'local' | 'github'
}

export function pullCommand(command: Command, name: string, summary: string, lines: string[]): Command {
  const inner = command
    .command(name)
    .description(summary)
    .option('--repo <path>', 'repository (default: here)')
  inner.addOption(
    inner
      .createOption('--forge <name>', 'where pull requests live (default: as configured)')
      .choices(['auto', 'local', 'github']),
  )
  return examples(inner, lines)
}

export const placeOf = (cli: Cli, { repo, forge }: Place) => ({ repo: cli.repository(repo), forge })
