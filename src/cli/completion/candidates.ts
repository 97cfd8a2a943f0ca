import type { Argument, Command, Option } from 'commander'
import { oneLine } from '../../text.ts'

export interface Candidate {
  value: string
  about: string
}

/** What only the daemon knows; asked for only when one of them can stand there. */
export interface Names {
  /** Tasks and agents. */
  tasks(): Promise<Candidate[]>
  profiles(): Promise<Candidate[]>
  /** Messages that wait for people. */
  messages(): Promise<Candidate[]>
  deadLetters(): Promise<Candidate[]>
}

/**
 * What can stand at the place of the last word. Nothing where a path is expected: then the shell completes files.
 */
export async function candidates(root: Command, words: string[], names: Names): Promise<Candidate[]> {
  const typed = words.at(-1) ?? ''
  const { command, before } = walk(root, words.slice(0, -1))
  const fits = ({ value }: Candidate) => value.startsWith(typed)
  const option = optionThatWaits(command, before)
  if (option) return (await valuesOf(option, names)).filter(fits)
  if (typed.startsWith('-')) return optionsOf(command).filter(fits)
  if (command.commands.length > 0) return before.length > 0 ? [] : subcommands(command).filter(fits)
  const argument = argumentAt(command, operands(command, before))
  if (argument?.argChoices) return argument.argChoices.map(plain).filter(fits)
  if (!argument || command.name() === 'run') return []
  return (await named(argument.name(), names)).filter(fits)
}

/** Arguments and values of options are called by what they name. */
async function named(what: string, names: Names): Promise<Candidate[]> {
  if (what === 'profile') return await names.profiles()
  if (what === 'message') return await names.messages()
  if (what === 'letter') return await names.deadLetters()
  return ['task', 'to', 'mailbox'].includes(what) ? await names.tasks() : []
}

/** An option whose value is called `<task>`, `<profile>` and so on, and `--profile` itself, take the name of one. */
async function valuesOf(option: Option, names: Names): Promise<Candidate[]> {
  if (option.argChoices) return option.argChoices.map(plain)
  if (option.long === '--profile') return await names.profiles()
  return await named(/<(\w+)(?:\.\.\.)?>$/.exec(option.flags)?.[1] ?? '', names)
}

const plain = (value: string): Candidate => ({ value, about: '' })

/** The command that the words lead to, and the words behind its name. */
function walk(root: Command, words: string[]): { command: Command; before: string[] } {
  let command = root
  let begin = 0
  for (const [index, word] of words.entries()) {
    const next = command.commands.find((it) => it.name() === word)
    if (!next || index !== begin) break
    command = next
    begin = index + 1
  }
  return { command, before: words.slice(begin) }
}

/** The option before the cursor when its value is what is being typed. */
function optionThatWaits(command: Command, before: string[]): Option | undefined {
  const last = before.at(-1)
  if (last === undefined) return undefined
  return command.options.find((it) => (it.required || it.optional) && (it.long === last || it.short === last))
}

function operands(command: Command, before: string[]): number {
  let count = 0
  for (const [index, word] of before.entries()) {
    if (!word.startsWith('-') && !optionThatWaits(command, before.slice(0, index))) count += 1
  }
  return count
}

function argumentAt(command: Command, index: number): Argument | undefined {
  const last = command.registeredArguments.at(-1)
  return command.registeredArguments[index] ?? (last?.variadic ? last : undefined)
}

const optionsOf = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleOptions(command)
    .flatMap((option) =>
      option.long ? [{ value: option.long, about: oneLine(option.description, 80) }] : [],
    )

const subcommands = (command: Command): Candidate[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((it) => ({ value: it.name(), about: oneLine(it.description(), 80) }))
