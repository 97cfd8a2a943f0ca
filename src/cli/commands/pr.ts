import type { Command } from 'commander'
import { OrchError } from '../../errors.ts'
import { oneLine, plainText } from '../../text.ts'
import { examples, whole } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { defineCreate } from '../open-pull.ts'
import { type Place, placeOf, pullCommand } from '../pull-command.ts'
import { diffText, pullDetail, pullTable } from '../pull-lines.ts'

export function define(command: Command, cli: Cli): void {
  examples(command, [
    'orch pr list',
    'orch pr diff 1',
    'orch pr merge 1',
    'orch pr review 1 --approve',
    'orch pr create',
  ])
  defineReading(command, cli)
  defineCreate(command, cli)
  defineMerge(command, cli)
  defineReview(command, cli)
  defineCheck(command, cli)
}

const numbered = (command: Command) =>
  command.argument('<number>', 'number of the pull request', whole('the number', { min: 1 }))

function defineReading(command: Command, cli: Cli): void {
  const list = pullCommand(command, 'list', 'list pull requests', [
    'orch pr list',
    'orch pr list --state open',
  ])
  list.addOption(list.createOption('--state <state>', 'only these').choices(['open', 'merged', 'closed']))
  list.action(async (options: Place & { state?: 'open' | 'merged' | 'closed' }) => {
    const query = { ...placeOf(cli, options), state: options.state }
    const { pulls } = await (await cli.connect()).call('pulls', { query })
    cli.answer('pulls', { pulls }, () => pullTable(pulls, cli.layout()))
  })
  const show = numbered(pullCommand(command, 'show', 'show one with checks and files', ['orch pr show 1']))
  show.action(async (number: number, options: Place) => {
    const client = await cli.connect()
    const pull = await client.call('pull', { params: { number }, query: placeOf(cli, options) })
    cli.answer('pull', pull, () => pullDetail(pull, cli.layout()))
  })
  const diff = numbered(
    pullCommand(command, 'diff', 'print its diff', ['orch pr diff 1', 'orch pr diff 1 | git apply']),
  )
  diff.action(async (number: number, options: Place) => {
    const client = await cli.connect()
    const answer = await client.call('diff', { params: { number }, query: placeOf(cli, options) })
    cli.answer('diff', { number, ...answer }, () => diffText(answer.diff, cli))
  })
}

interface MergeOptions extends Place {
  method?: 'merge' | 'squash' | 'rebase'
  expectedHead?: string
}

function defineMerge(command: Command, cli: Cli): void {
  const merge = numbered(
    pullCommand(command, 'merge', 'merge it, and bring the result into the repository', [
      'orch pr merge 1',
      'orch pr merge 1 --method squash',
    ]),
  )
  merge.addOption(merge.createOption('--method <method>', 'how').choices(['merge', 'squash', 'rebase']))
  merge.option('--expected-head <commit>', 'only when this is still its head')
  merge.action(async (number: number, { method, expectedHead, ...place }: MergeOptions) => {
    const body = { ...placeOf(cli, place), method, expectedHead }
    const merged = await (await cli.connect()).call('merge', { params: { number }, body })
    cli.answer('merge', { number, ...merged }, () => {
      const word = plainText(merged.repository.message)
      return `merged #${number} as ${merged.commit.slice(0, 12)}\n${word ? `${word}\n` : ''}`
    })
  })
}

interface ReviewOptions extends Place {
  approve?: boolean
  requestChanges?: boolean
  comment?: boolean
  message?: string
  author?: string
}

function defineReview(command: Command, cli: Cli): void {
  const review = numbered(
    pullCommand(command, 'review', 'say what you think of it (local forge)', [
      'orch pr review 1 --approve',
      'orch pr review 1 --request-changes -m "The parser needs a test"',
    ]),
  )
  review
    .option('--approve', 'it is good')
    .option('--request-changes', 'it is not')
    .option('--comment', 'neither')
  review.option('-m, --message <text>', 'what to say').option('--author <name>', 'who says it (default: you)')
  review.action(async (number: number, options: ReviewOptions) => {
    const verdict = verdictOf(options)
    const author = options.author ?? cli.world.environment.env.USER ?? 'a person'
    if (verdict !== 'approve' && !options.message?.trim())
      throw new OrchError('E_USAGE', 'a review that does not approve needs -m TEXT', {
        fix: 'See `orch pr review --help`.',
      })
    const body = { ...placeOf(cli, options), author, verdict, body: options.message ?? '' }
    await (await cli.connect()).call('review', { params: { number }, body })
    cli.answer('review', { number, author, verdict }, () => `reviewed #${number}: ${verdict}\n`)
  })
}

function verdictOf(options: ReviewOptions): 'approve' | 'request-changes' | 'comment' {
  const given = [
    options.approve ? (['approve'] as const) : [],
    options.requestChanges ? (['request-changes'] as const) : [],
    options.comment ? (['comment'] as const) : [],
  ].flat()
  const [verdict] = given
  if (verdict && given.length === 1) return verdict
  throw new OrchError('E_USAGE', 'a review needs one of --approve, --request-changes and --comment', {
    fix: 'See `orch pr review --help`.',
  })
}

interface CheckOptions extends Place {
  name: string
  state: 'pending' | 'success' | 'failure'
  summary?: string
  commit?: string
  optional?: boolean
}

function defineCheck(command: Command, cli: Cli): void {
  const check = numbered(
    pullCommand(command, 'check', 'report a check of your own (local forge)', [
      'orch pr check 1 --name tests --state success',
      'orch pr check 1 --name lint --state failure --summary "3 warnings" --optional',
    ]),
  )
  check.requiredOption('--name <name>', 'name of the check')
  const states = ['pending', 'success', 'failure']
  check.addOption(check.createOption('--state <state>', 'its result').choices(states).makeOptionMandatory())
  check
    .option('--summary <text>', 'a word on the result')
    .option('--optional', 'a red one does not stop the merge')
  check.option('--commit <commit>', 'commit that was checked (default: the head)')
  check.action(async (number: number, options: CheckOptions) => {
    const place = placeOf(cli, options)
    const client = await cli.connect()
    const commit =
      options.commit ?? (await client.call('pull', { params: { number }, query: place })).headCommit
    const { name, state, summary } = options
    const body = { ...place, name, state, summary, commit, required: !options.optional }
    await client.call('check', { params: { number }, body })
    cli.answer(
      'check-reported',
      { number, name, state, commit },
      () => `#${number}: ${oneLine(name, 60)} is ${state}\n`,
    )
  })
}
