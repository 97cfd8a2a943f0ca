import type { Command } from 'commander'
import type { TaskDetail } from '../../api/contract.ts'
import { oneLine, plainText } from '../../text.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'
import { findTask } from '../find-task.ts'
import { colourOf } from '../style.ts'
import { facts, table } from '../table.ts'
import { stateText } from '../task-lines.ts'
import { dayTime, duration } from '../time.ts'

export function define(command: Command, cli: Cli): void {
  command.argument('<task>', 'id of a task, its beginning, or the name of an agent')
  examples(command, ['orch show t-4kq8', 'orch show task-agent-4kq8-1', 'orch show t-4kq8 --json'])
  command.action(async (name: string) => {
    const task = await findTask(await cli.connect(), name)
    cli.answer('task', task, () => describe(task, cli))
  })
}

function describe(task: TaskDetail, cli: Cli): string {
  const { paint } = cli
  const head = `${paint('bold', oneLine(task.title, 300))}\n`
  const state = paint(colourOf(task.state), stateText(task, cli.world.clock.now()))
  return `${head}${facts(
    [
      ['task', `${task.id} of run ${task.runId}`],
      ['state', `${state}${tries(task)}`],
      ['nobody can take it', task.unmet && `no host has ${plainText(task.unmet.join(', '))}`],
      ['comes after', waitsFor(task)],
      ['why', task.reason && plainText(`${task.reason.message} (${task.reason.code})`)],
      ['the agent says', task.summary && plainText(task.summary).trim()],
      ['pull request', pullRequest(task)],
      ['proof', proof(task)],
      ['answer', task.answer],
      ['handed over to', task.handedTo?.join(', ')],
      ['made by', task.parent && `${task.parent} (${task.origin ?? 'delegation'})`],
      ['repository', plainText(task.repo)],
      ['branch', `${plainText(task.branch)} from ${plainText(task.base)}`],
      ['agent', `${plainText(task.driver)}, profile ${task.profile}, runtime ${task.runtime}`],
      ['host', hostOf(task)],
      ['needs', task.labels && plainText(task.labels.join(', '))],
      ['program', task.argv && plainText(task.argv.join(' '))],
      ['usage', usage(task)],
      ['workspace', task.workspace && plainText(task.workspace)],
      ['log', task.log && plainText(task.log)],
      ['result', task.result && plainText(task.result)],
      ['asked for', plainText(task.description).trim()],
    ],
    paint,
  )}${attempts(task, cli)}`
}

/** Attempts can be more than tries: a pause for quota uses none up, and a retry gives all of them back. */
const tries = ({ attempt, used, tries: all }: TaskDetail) =>
  (attempt > 0 ? `, attempt ${attempt}` : '') +
  (used > 0 ? `, ${used} of ${all === 1 ? '1 try' : `${all} tries`} failed` : '')

/** One that has ended otherwise keeps it waiting until a person tries that again. */
function waitsFor({ waitsFor: all }: TaskDetail): string | undefined {
  const told = (state: string) =>
    state === 'dead' || state === 'cancelled' ? `${state}: orch retry brings it back` : state
  return all?.map(({ id, state, title }) => `${id} (${told(state)}) ${oneLine(title, 100)}`).join('\n')
}

/** The embedded store has one host only, and nobody asks for its name. */
function hostOf({ attempts: all }: TaskDetail): string | undefined {
  const host = all.at(-1)?.host
  return host === 'local' ? undefined : host
}

const pullRequest = ({ pullRequest: pull }: TaskDetail) =>
  pull &&
  (pull.forge === 'local' ? `#${pull.number} (${pull.url})` : `#${pull.number} ${plainText(pull.url)}`)

function proof({ proof: shown }: TaskDetail): string | undefined {
  if (!shown) return undefined
  const size = `${count(shown.filesChanged.length, 'file')}, +${shown.additions} −${shown.deletions}, ${count(shown.commits, 'commit')}`
  const checks = shown.checks.length > 0 ? `, ${count(shown.checks.length, 'check')} green` : ''
  const approved = shown.validations?.map(({ profile }) => profile).join(', ')
  const verdicts = approved ? `, approved by ${approved}` : ''
  return `${shown.head.slice(0, 12)}: ${size}${checks}${verdicts}${shown.openedByOrch ? ', opened by Orch' : ''}`
}

function usage({ usage: { inputTokens, outputTokens, costUsd, toolCalls } }: TaskDetail): string | undefined {
  if (inputTokens + outputTokens + toolCalls === 0) return undefined
  const cost = costUsd === undefined ? '' : `, $${costUsd.toFixed(2)}`
  return `${inputTokens} tokens in, ${outputTokens} out${cost}, ${count(toolCalls, 'tool call')}`
}

function attempts(task: TaskDetail, cli: Cli): string {
  if (task.attempts.length === 0) return ''
  const now = cli.world.clock.now()
  const several = task.attempts.some(({ host }) => host !== 'local')
  const columns = [
    { title: 'ATTEMPT', right: true },
    { title: 'AGENT' },
    ...(several ? [{ title: 'HOST' }] : []),
    { title: 'STARTED' },
    { title: 'TOOK', right: true },
    { title: 'OUTCOME' },
    { title: 'WHY', flexible: true },
  ]
  const rows = task.attempts.map((it) => [
    `${it.number}`,
    it.agent,
    ...(several ? [oneLine(it.host, 70)] : []),
    dayTime(it.startedAt),
    duration((it.endedAt ? Date.parse(it.endedAt) : now) - Date.parse(it.startedAt)),
    {
      text: it.outcome ?? 'under way',
      colour: colourOf(it.outcome === 'failed' ? 'dead' : (it.outcome ?? '')),
    },
    oneLine(it.reason?.message ?? '', 300),
  ])
  return `\n${table(columns, rows, cli.layout())}`
}
