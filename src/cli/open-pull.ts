import type { Command } from 'commander'
import type { Client } from '../api/client.ts'
import { loadConfig } from '../config/load.ts'
import { OrchError } from '../errors.ts'
import { exec } from '../exec.ts'
import { createGit, type Git } from '../git.ts'
import { oneLine, plainText } from '../text.ts'
import type { Cli } from './cli.ts'
import { readInput } from './input.ts'
import { type Place, placeOf, pullCommand } from './pull-command.ts'
import { findRepository } from './repository.ts'

/**
 * `orch pr create`: what an agent calls in its workspace when its branch is pushed, and a person with a branch of their
 * own. The task's own words (ORCH_BRANCH, ORCH_BASE, ORCH_TASK) hold where nothing is said.
 */

interface Options extends Place {
  head?: string
  base?: string
  title?: string
  body?: string
}

export function defineCreate(command: Command, cli: Cli): void {
  const create = pullCommand(command, 'create', 'open one for a branch that is pushed', [
    'orch pr create',
    'orch pr create --title "Fix the parser" --body "It dropped the last token"',
    'git log main.. --format=%B | orch pr create --base main --body -',
  ])
  create.option('--head <branch>', 'branch with the work (default: the one that is checked out)')
  create.option('--base <branch>', 'branch to merge into (default: that of the task, or the main branch)')
  create.option('--title <text>', 'its title (default: subject of the last commit)')
  create.option('--body <text>', 'what to say about it; - reads it from standard input')
  create.action((options: Options) => openPull(cli, options))
}

async function openPull(cli: Cli, options: Options): Promise<void> {
  const place = placeOf(cli, options)
  const { env } = cli.world.environment
  const git = createGit(exec, env, place.repo)
  const head = options.head ?? (await currentBranch(git, env.ORCH_BRANCH))
  const base = options.base ?? (await baseBranch(cli, git, place.repo))
  if (head === base)
    throw new OrchError('E_USAGE', `head and base are the same branch, ${oneLine(head, 200)}`, {
      fix: 'Go to the branch with the work, or give --head BRANCH and --base BRANCH.',
    })
  const title = options.title ?? (await subject(git, head))
  const body = options.body === '-' ? (await readInput('-', cli.world)).text : options.body
  const client = await cli.connect()
  const forge = options.forge ?? (await forgeOfTask(client, env.ORCH_TASK))
  const request = { ...place, forge, head, base, title, body }
  const pull = await client.call('openPull', { body: request }).catch((error) => {
    throw notPushed(error, head)
  })
  cli.answer('pull-opened', pull, () => {
    const what = `#${pull.number} ${oneLine(pull.title, 200)}`
    return `${what}\n${plainText(`${pull.head} into ${pull.base}, ${pull.state}`)}${pull.forge === 'local' ? '' : `\n${plainText(pull.url)}`}\n`
  })
}

async function currentBranch(git: Git, ofTask: string | undefined): Promise<string> {
  const head = await git.try(['symbolic-ref', '--quiet', '--short', 'HEAD'])
  const branch = head.code === 0 ? head.stdout.trim() : ofTask
  if (branch) return branch
  throw await noBranch(git)
}

async function noBranch(git: Git): Promise<OrchError> {
  if ((await git.try(['rev-parse', '--git-dir'])).code !== 0)
    return new OrchError('E_NOT_A_REPOSITORY', `${git.dir} is not in a git repository`)
  return new OrchError('E_USAGE', 'no branch is checked out', { fix: 'Say which one: --head BRANCH' })
}

const USUAL = ['main', 'master', 'trunk']

/** ORCH_BASE counts as configured. The order is that of the daemon, without the branch that is checked out: that is the head. */
async function baseBranch(cli: Cli, git: Git, repo: string): Promise<string> {
  const { config } = await loadConfig(cli.world.environment, { repo: await findRepository(repo) })
  if (config.base) return config.base
  const remote = await git.try(['symbolic-ref', '--quiet', '--short', 'refs/remotes/origin/HEAD'])
  if (remote.code === 0) return remote.stdout.trim().replace(/^origin\//, '')
  const refs = await git.try(['for-each-ref', '--format=%(refname:short)', 'refs/heads'])
  const branches = refs.stdout.split('\n')
  const found = USUAL.find((name) => branches.includes(name))
  if (found) return found
  throw new OrchError('E_NO_BASE', `no main branch was found in ${git.dir}`)
}

async function subject(git: Git, head: string): Promise<string> {
  const log = await git.try(['log', '-1', '--format=%s', '--end-of-options', head, '--'])
  const text = log.code === 0 ? oneLine(log.stdout, 200) : ''
  if (text) return text
  throw new OrchError('E_USAGE', `there is no commit on ${oneLine(head, 200)} to take the title from`, {
    fix: 'Give --title TEXT, or the branch with the work by --head BRANCH.',
  })
}

function notPushed(error: unknown, head: string): unknown {
  if (!(error instanceof OrchError) || error.code !== 'E_NOT_FOUND') return error
  return new OrchError('E_NOT_FOUND', error.message, {
    fix: `Push ${oneLine(head, 200)} first: git push (in the workspace of an agent), git push origin HEAD (GitHub).`,
    cause: error,
  })
}

/** A task may live on another forge than its repository is configured for. */
async function forgeOfTask(client: Client, id: string | undefined): Promise<Place['forge']> {
  if (!id) return undefined
  return await client.call('task', { params: { id } }).then(
    ({ forge }) => forge,
    () => undefined, // a task of another daemon, or none at all
  )
}
