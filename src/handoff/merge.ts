import { repositoryPath } from '../message/words.ts'
import type { Handoff } from './handoff.ts'

/** What Orch knows by itself of the work that is handed over: from git, the journal and the messages. */
export interface Known {
  task: { id: string; title: string; description: string }
  branch: string
  commit: string
  commits: { id: string; subject: string }[]
  filesRead: string[]
  filesModified: string[]
  decisions: string[]
  warnings: string[]
  discoveries: string[]
  optimisations: string[]
}

/** What whoever hands over says, all of it optional but the goal. */
export type Given = Pick<Handoff, 'goal' | 'transfers' | 'urgency'> & {
  /** Ids of commits that the receiver should look at, in full. */
  commits?: { id: string; subject: string }[]
} & Partial<
    Pick<
      Handoff['context'],
      'branch' | 'filesRead' | 'filesModified' | 'decisions' | 'warnings' | 'discoveries'
    >
  > &
  Partial<Handoff['recommendations']> &
  Partial<Pick<Handoff, 'mcpData' | 'validation' | 'blockingIssues' | 'dependencies'>>

/** What the schema takes at most. */
const MOST = { list: 100, files: 500, commits: 200, title: 500, text: 50_000 }
/** Of what Orch adds; what the sender says itself has only the bound of every message. */
const MOST_ADDED = { lines: 20, line: 1_000, files: 200, commits: 50, description: 20_000 }

/**
 * One package: what the sender says comes first, what Orch knows beside it is added, as far as it stays below `most` bytes of
 * JSON.
 */
export function mergeHandoff(given: Given, known: Known, most = Number.POSITIVE_INFINITY): Handoff {
  const whole = merge(given, known)
  if (new TextEncoder().encode(JSON.stringify(whole)).length <= most) return whole
  return merge(given, { ...known, ...NOTHING, task: { ...known.task, description: '' } })
}

const NOTHING = {
  commits: [],
  filesRead: [],
  filesModified: [],
  decisions: [],
  warnings: [],
  discoveries: [],
  optimisations: [],
}

function merge(given: Given, known: Known): Handoff {
  const { goal, transfers, urgency } = given
  return {
    goal,
    transfers,
    urgency,
    context: {
      task: {
        id: known.task.id,
        title: known.task.title.slice(0, MOST.title),
        description: cut(known.task.description, MOST_ADDED.description),
      },
      branch: given.branch ?? known.branch,
      commit: known.commit,
      commits: joinCommits(given.commits ?? [], known.commits),
      filesRead: joinFiles(given.filesRead, known.filesRead),
      filesModified: joinFiles(given.filesModified, known.filesModified),
      decisions: joinLines(given.decisions, known.decisions),
      warnings: joinLines(given.warnings, known.warnings),
      discoveries: joinLines(given.discoveries, known.discoveries),
    },
    mcpData: given.mcpData ?? [],
    recommendations: {
      nextActions: given.nextActions ?? [],
      issues: given.issues ?? [],
      optimisations: joinLines(given.optimisations, known.optimisations),
      testing: given.testing ?? [],
      securityReview: given.securityReview ?? [],
    },
    validation: given.validation ?? [],
    blockingIssues: given.blockingIssues ?? [],
    dependencies: given.dependencies ?? [],
  }
}

/** The newest of what was said along the way: the oldest is the first that nobody needs. */
function joinLines(own: readonly string[] = [], added: readonly string[]): string[] {
  const said = new Set(own.map(key))
  const news = [...new Map(added.map((line) => [key(line), line])).values()].filter(
    (line) => line.trim() !== '' && !said.has(key(line)),
  )
  const room = Math.max(0, Math.min(MOST_ADDED.lines, MOST.list - own.length))
  return [...own, ...(room > 0 ? news.slice(-room) : []).map((line) => cut(line, MOST_ADDED.line))]
}

const key = (line: string) => line.trim().replace(/\s+/g, ' ').toLowerCase()

function joinFiles(own: readonly string[] = [], added: readonly string[]): string[] {
  const fit = added.filter((path) => repositoryPath.safeParse(path).success)
  const room = Math.max(own.length, Math.min(MOST.files, own.length + MOST_ADDED.files))
  return [...new Set([...own, ...fit])].slice(0, room)
}

function joinCommits(own: Handoff['context']['commits'], added: Handoff['context']['commits']) {
  const all = new Map([...own, ...added.slice(0, MOST_ADDED.commits)].map((it) => [it.id, it]))
  return [...all.values()]
    .slice(0, MOST.commits)
    .map(({ id, subject }) => ({ id, subject: subject.slice(0, MOST.title) }))
}

const cut = (text: string, most: number) =>
  text.length > most ? `${text.slice(0, most - 12)} […cut off]` : text
