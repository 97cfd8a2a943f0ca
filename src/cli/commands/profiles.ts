import type { Command } from 'commander'
import { OrchError } from '../../errors.ts'
import { plainText } from '../../text.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { checkedLines, profileTable } from '../profile-lines.ts'
import { findRepository } from '../repository.ts'

interface Place {
  repo?: string
}

export function define(command: Command, cli: Cli): void {
  examples(command, [
    'orch profiles list',
    'orch profiles show reviewer',
    'orch profiles new careful --from general',
    'orch profiles check',
    'orch run --profile careful "Fix the failing tests"',
  ])
  defineReading(command, cli)
  defineNew(command, cli)
  defineCheck(command, cli)
}

const below = (command: Command, name: string, summary: string, lines: string[]) =>
  examples(
    command.command(name).description(summary).option('--repo <path>', 'repository (default: here)'),
    lines,
  )

/** Outside of a repository there are the built-in profiles and the user's. */
async function repositoryOf(cli: Cli, { repo }: Place): Promise<string | undefined> {
  return repo === undefined ? await findRepository(cli.repository()) : cli.repository(repo)
}

function defineReading(command: Command, cli: Cli): void {
  const list = below(command, 'list', 'list the profiles that can be used here', [
    'orch profiles list',
    'orch profiles list --json',
  ])
  list.action(async (options: Place) => {
    const query = { repo: await repositoryOf(cli, options) }
    const answer = await (await cli.connect()).call('profiles', { query })
    cli.answer('profiles', answer, () => profileTable(answer.profiles, cli.layout()))
    if (!cli.json) for (const fault of answer.faults) cli.note(`cannot be used: ${plainText(fault)}`)
  })
  const show = below(command, 'show <profile>', 'print one as it is used, and say where it comes from', [
    'orch profiles show reviewer',
    'orch profiles show reviewer > mine.md',
  ])
  show.action(async (name: string, options: Place) => {
    const query = { repo: await repositoryOf(cli, options) }
    const found = await (await cli.connect()).call('profile', { params: { name }, query })
    if (!cli.json) {
      cli.note(`${found.origin}: ${plainText(found.file)}`)
      for (const warning of found.warnings) cli.note(`note: ${plainText(warning)}`)
    }
    cli.answer('profile', found, () => `${plainText(found.text).trimEnd()}\n`)
  })
}

function defineNew(command: Command, cli: Cli): void {
  const made = below(command, 'new <name>', 'write a file to begin with; an existing one stays as it is', [
    'orch profiles new careful',
    'orch profiles new reviewer --user',
    'orch profiles new db-expert --from database-optimizer',
  ])
  made.option('--user', 'for all your repositories, not for this one')
  made.option('--from <profile>', 'begin with this one (default: the one of this name, else general)')
  made.action(async (name: string, options: Place & { user?: boolean; from?: string }) => {
    const query = { repo: await repositoryOf(cli, options), from: options.from }
    const draft = await (await cli.connect()).call('draftProfile', { params: { name }, query })
    const directory = options.user ? draft.directories.user : draft.directories.project
    if (directory === undefined)
      throw new OrchError('E_NOT_A_REPOSITORY', `${cli.repository(options.repo)} is in no git repository`, {
        fix: 'Go to a repository, or write your own for all of them: --user',
      })
    const file = await writeNew(directory, name, draft.text)
    cli.answer('profile-made', { name, from: draft.from, file }, () => `wrote ${file}, from ${draft.from}\n`)
  })
}

/** @throws OrchError E_INVALID when there is such a file */
async function writeNew(directory: string, name: string, text: string): Promise<string> {
  const { mkdir, writeFile } = await import('node:fs/promises')
  const { join } = await import('node:path')
  const file = join(directory, `${name}.md`)
  try {
    await mkdir(directory, { recursive: true })
    await writeFile(file, text, { flag: 'wx' })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? `${file} is there already` : `cannot write ${file}: ${message}`
    throw new OrchError('E_INVALID', why, { fix: 'Change that file, or take another name.', cause })
  }
  return file
}

function defineCheck(command: Command, cli: Cli): void {
  const check = below(
    command,
    'check [file...]',
    'check files, or all of yours and of the repository; exit code 1 for a fault',
    ['orch profiles check', 'orch profiles check .orch/profiles/careful.md'],
  )
  check.action(async (files: string[], options: Place) => {
    const repo = await repositoryOf(cli, options)
    const body = { repo, ...(files.length > 0 && { files: files.map(cli.absolute) }) }
    const { checked } = await (await cli.connect()).call('checkProfiles', { body })
    cli.answer('profiles-checked', { checked }, () => checkedLines(checked, cli.paint))
    if (checked.some(({ faults }) => faults.length > 0)) cli.exit(1)
  })
}
