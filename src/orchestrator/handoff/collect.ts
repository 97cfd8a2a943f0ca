import { relative } from 'node:path'
import type { Known } from '../../handoff/merge.ts'
import type { JournalEvent } from '../../journal/journal.ts'
import type { Message, MessageType, PayloadOf } from '../../message/message.ts'
import { repositoryPath } from '../../message/words.ts'
import type { Task } from '../../task/task.ts'
import { workspaceOf } from '../attempt/stop.ts'
import type { Parts } from '../parts.ts'
import { startOf } from './handed-over.ts'

/** What Orch can know of a task's work without asking its agent: from git, the journal, and what the agent told others. */

const MOST_COMMITS = 50
/** So many tool calls and messages are looked at, and so many files looked up. */
const MOST_EVENTS = 10_000
const MOST_FILES = 200

/** @param head commit of the task's branch */
export async function collect(parts: Parts, task: Task, head: string): Promise<Known> {
  const { id, spec } = task
  const start = await startOf(parts, task)
  const done = start ? await parts.workspaces.changes(spec.repo, start, head, MOST_COMMITS) : undefined
  const said = await saidBy(parts, task)
  const progress = await parts.store.journal.read({ taskId: id, types: ['agent.progress'], limit: 1_000 })
  return {
    task: { id, title: spec.title, description: spec.description },
    branch: spec.branch,
    commit: head,
    commits: done?.commits ?? [],
    filesModified: done?.files ?? [],
    filesRead: await filesRead(parts, task, head),
    decisions: progress.map(({ data }) => String(data?.summary ?? '')),
    warnings: textsOf(said, 'warning', ({ text, files }) => text + named(files)),
    discoveries: [
      ...textsOf(said, 'finding_report', findingText),
      ...textsOf(
        said,
        'pattern_discovered',
        ({ name, description, files }) => `${name}: ${description}${named(files)}`,
      ),
    ],
    optimisations: textsOf(said, 'optimization_tip', ({ tip, files }) => tip + named(files)),
  }
}

const TELLING: MessageType[] = ['warning', 'finding_report', 'pattern_discovered', 'optimization_tip']

/** Copies of what went to many are one. */
async function saidBy({ store }: Parts, { id }: Task): Promise<Message[]> {
  const all = await store.mailboxes.history({ mailbox: id, types: TELLING, limit: MOST_EVENTS })
  const own = all.map(({ message }) => message).filter(({ from }) => from === id)
  return [...new Map(own.map((message) => [message.correlationId ?? message.id, message])).values()]
}

/** Payloads were checked when they were sent. */
function textsOf<T extends MessageType>(
  messages: readonly Message[],
  type: T,
  textOf: (payload: PayloadOf<T>) => string,
): string[] {
  return messages.filter((it) => it.type === type).map(({ payload }) => textOf(payload as PayloadOf<T>))
}

const named = (files: readonly string[] = []) => (files.length > 0 ? ` (${files.join(', ')})` : '')

function findingText({ title, severity, description, file, line }: PayloadOf<'finding_report'>): string {
  const place = file ? ` (${file}${line ? `:${line}` : ''})` : ''
  return `${severity}: ${title}${place}: ${description}`
}

/** Best effort: drivers keep the one field of a tool's input that tells most. What a shell command read is not known. */
async function filesRead(parts: Parts, task: Task, head: string): Promise<string[]> {
  const calls = await parts.store.journal.read({
    taskId: task.id,
    types: ['tool.called'],
    limit: MOST_EVENTS,
  })
  const root = workspaceOf(parts, task).path
  const paths = new Set(calls.map((call) => pathRead(call, root)).filter((path) => path !== undefined))
  return await parts.workspaces.known(task.spec.repo, head, [...paths].slice(-MOST_FILES))
}

const NO_READING = /write|edit|patch|replace|create|delete|move|bash|shell|exec|command|terminal|mcp_/i

function pathRead({ data = {} }: JournalEvent, root: string): string | undefined {
  const { name, input, ok } = data
  if (typeof input !== 'string' || ok === false || NO_READING.test(String(name))) return undefined
  const path = input.startsWith('/') ? relative(root, input) : input.replace(/^\.\//, '')
  return repositoryPath.safeParse(path).success && !/[{}"*?]/.test(path) ? path : undefined
}
