import type { Command } from 'commander'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { SCRIPTS, SHELLS, type Shell } from '../completion/scripts.ts'

export function define(command: Command, cli: Cli): void {
  command.addArgument(command.createArgument('<shell>', 'your shell').choices(SHELLS))
  examples(command, [
    'source <(orch completion bash)                                        # in ~/.bashrc',
    'source <(orch completion zsh)                                         # in ~/.zshrc, after compinit',
    'orch completion fish >~/.config/fish/completions/orch.fish',
  ])
  command.action((shell: Shell) =>
    cli.answer('completion', { shell, script: SCRIPTS[shell] }, () => SCRIPTS[shell]),
  )
}
