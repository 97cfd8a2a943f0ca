import type { Command } from 'commander'
import { examples, positive, whole } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import type { RunOptions } from '../run/tasks.ts'

export function define(command: Command, cli: Cli): void {
  command.argument('[task...]', 'what is to be done; - or a pipe reads it from standard input')
  command.option('-f, --file <file>', 'several tasks from a YAML or JSON file (- for standard input)')
  command.option(
    '-a, --agent <name>',
    'agent program: claude, codex, gemini, opencode, pi; command or acp with `-- PROGRAM ARGS` (default: what is installed)',
  )
  command.option(
    '-i, --interactive',
    "the agent's own terminal interface (orch attach), followed by its hooks",
  )
  command.option('-d, --detach', 'do not wait: agents work on by themselves')
  command.option('-b, --base <branch>', 'branch to start from and to merge into')
  command.option('-t, --title <text>', 'title of task and pull request')
  command.option('--profile <name>', 'profile of the agent').option('--model <name>', 'model of the agent')
  const { createOption: make } = command
  command.addOption(
    make('--forge <name>', 'where the pull request lives').choices(['auto', 'local', 'github']),
  )
  command.addOption(make('--runtime <name>', 'where the agent runs').choices(['tmux', 'process']))
  command.addOption(
    make('--publish <who>', 'who pushes and opens the pull request').choices(['orch', 'agent']),
  )
  command.option(
    '--validate <profiles...>',
    'agents of these profiles must approve the work before it counts as done',
  )
  command.option('--labels <list>', 'what a host must have to take it, with commas (gpu,linux)')
  command.option('--tries <n>', 'how many attempts may be made', whole('--tries', { min: 1 }))
  command.option('--priority <n>', 'higher runs first', whole('--priority'))
  command.option('--time-limit <minutes>', 'wall time of one attempt', positive('--time-limit'))
  command.option('--idle-limit <minutes>', 'an agent silent for so long is hung', positive('--idle-limit'))
  command.option(
    '--memory <MB>',
    "of one agent, on top of its program's own need",
    whole('--memory', { min: 64 }),
  )
  command.option('--max-turns <n>', 'of one attempt', whole('--max-turns', { min: 1 }))
  command.option(
    '--max-tokens <n>',
    'of the whole run, cached input not counted',
    whole('--max-tokens', { min: 1 }),
  )
  command.option('--max-cost <dollars>', 'of the whole run', positive('--max-cost'))
  command.option('--repo <path>', 'repository (default: the one you are in)')
  examples(command, [
    'orch run "Fix the failing tests"',
    'orch run --agent command -- npx eslint --fix .',
    'orch run --agent acp "Fix the failing tests" -- opencode acp',
    'orch run --detach --base develop "Add a --verbose option"',
    'orch run -f tasks.yaml',
    'orch run --max-cost 5 --max-turns 40 "Fix the failing tests"',
    'git log -1 --format=%B | orch run --title "Follow-up" -',
  ])
  command.addHelpText('after', FILE_HELP)
  command.action(async (words: string[], options: RunOptions) => {
    const { run } = await import('../run/run.ts')
    await run(cli, words, options)
  })
}

const FILE_HELP = `
A file of tasks (options on the command line hold for tasks that do not say otherwise):
  tasks:
    - Fix the failing tests
    - task: Document the options of the command line
      title: Documentation
      priority: 5
      after: Fix the failing tests
    - task: Format everything
      driver: command
      argv: [npx, prettier, --write, .]
after: title or number (1 = the first) of one task or a list of them, or ids; it waits until they are accepted.
Also: base, profile, model, forge, runtime, publish, tries, wallMinutes, validate, labels; and limits (of each attempt), with
memoryMegabytes, cpuPercent, wallMinutes, idleMinutes, turns, tokens, costUsd.

Exit codes: 0 every task is accepted, 1 one is not, 130 Ctrl-C (the agents work on).`
