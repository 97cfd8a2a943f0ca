import { Command, CommanderError } from 'commander'
import { packageVersion } from '../api/version.ts'
import { OrchError, toOrchError } from '../errors.ts'
import { type Cli, createCli, type Ended } from './cli.ts'
import { COMMANDS } from './commands.ts'
import { describeError, usageError } from './failure.ts'
import type { World } from './world.ts'

/** The command line as a tree of commander's commands. */

const DESCRIPTION =
  'Runs a team of coding agents on a repository: one agent, worktree and tmux session a task; done when the forge shows its pull request.'
const EXAMPLES = `
Examples:
  orch run "Fix the failing tests"
  orch run --agent command -- npx eslint --fix .
  orch status
  orch pr merge 1

Each command has examples of its own: orch COMMAND --help`

/**
 * Runs one command line (without the program's own name) and gives the exit code: 0, or the one that docs/cli.md lists
 * for the error. Never throws.
 */
export async function runCommandLine(argv: string[], world: World): Promise<number> {
  const { own, program, json } = readFlags(argv)
  const cli: Cli & { ended: Ended } = createCli(world, { json, program, tree: () => buildProgram(cli) })
  try {
    const root = await buildProgram(cli, own)
    await root.parseAsync(own.length > 0 ? own : ['--help'], { from: 'user' })
    return cli.ended.code
  } catch (error) {
    return fail(error, cli, own)
  } finally {
    cli.ended.close()
  }
}

/** What stands behind `--` is a program for `run`, and plain words everywhere else. */
function readFlags(argv: string[]) {
  const cut = argv.indexOf('--')
  const before = cut < 0 ? argv : argv.slice(0, cut)
  const json = before.includes('--json')
  if (cut < 0 || argv[0] !== 'run') return { own: argv, program: [], json }
  return { own: before, program: argv.slice(cut + 1), json }
}

/** The tree with those commands filled in that `argv` names; with all of them when `argv` is absent. */
export async function buildProgram(cli: Cli, argv?: string[]): Promise<Command> {
  const root = new Command('orch')
  root.description(DESCRIPTION).version(packageVersion(), '-V, --version', 'print the version')
  root.helpOption('-h, --help', 'show help').addHelpText('after', EXAMPLES)
  root.exitOverride().configureOutput({
    writeOut: (text) => cli.world.out(text),
    writeErr: () => {}, // what went wrong is said once, by describeError
    getOutHelpWidth: () => (cli.world.environment.stdoutTty ? cli.world.size().columns : 100),
    getOutHasColors: () => false,
  })
  root.enablePositionalOptions()
  for (const listed of COMMANDS) {
    const command = root.command(listed.name, { hidden: listed.hidden === true }).description(listed.summary)
    if (!argv || argv.slice(0, 2).includes(listed.name)) (await listed.load()).define(command, cli)
    if (!listed.hidden) addJson(command)
  }
  root.configureHelp({ subcommandTerm: (command) => command.name() })
  return root
}

function addJson(command: Command): void {
  for (const inner of command.commands) addJson(inner)
  if (command.commands.length === 0) command.option('--json', 'print one JSON document (docs/json.md)')
}

function fail(thrown: unknown, cli: Cli, argv: string[]): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return 0
  const error = thrown instanceof CommanderError ? wrongUse(thrown, argv) : toOrchError(thrown)
  cli.world.err(describeError(error, cli))
  if (error.code === 'E_INTERNAL' && !(thrown instanceof OrchError) && thrown instanceof Error && !cli.json)
    cli.world.err(`${thrown.stack}\n`)
  return error.exit
}

function wrongUse(thrown: CommanderError, argv: string[]): OrchError {
  const listed = COMMANDS.find(({ name }) => name === argv[0])
  const command = listed ? `orch ${listed.name}` : 'orch'
  const message = thrown.code === 'commander.help' ? `${command} needs one of its commands` : thrown.message
  return usageError(message, command)
}
