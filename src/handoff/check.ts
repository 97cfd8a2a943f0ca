import type { Handoff } from './handoff.ts'

/** What the repository says of a package. */
export interface RepositoryFacts {
  /** Branch of the task that hands over. */
  branch: string
  /** Commit of that branch. */
  head: string
  /** Files that the package names and that the commit has, or that were there before it. */
  known: ReadonlySet<string>
  /** Commits that the package names and that are on the branch. */
  onBranch: ReadonlySet<string>
}

/** Files that the package says are or were in the repository. */
export function filesOf({ context }: Handoff): string[] {
  return [...new Set([...context.filesModified, ...context.filesRead])]
}

/** What is wrong with a package, a line each: names of files, commits and branches that the repository does not have. */
export function checkHandoff(handoff: Handoff, facts: RepositoryFacts): string[] {
  const { context } = handoff
  const files = (['filesModified', 'filesRead'] as const).flatMap((field) =>
    context[field]
      .filter((path) => !facts.known.has(path))
      .map(
        (path) => `${field}: ${JSON.stringify(path)} is not in ${short(context.commit)}, nor was it before`,
      ),
  )
  const commits = context.commits
    .filter(({ id }) => !facts.onBranch.has(id))
    .map(({ id }) => `commits: ${short(id)} is not on ${facts.branch}`)
  return [
    ...(context.branch === facts.branch ? [] : [`branch: ${context.branch} is not yours (${facts.branch})`]),
    ...(context.commit === facts.head
      ? []
      : [`commit: ${facts.branch} is at ${short(facts.head)}, not at ${short(context.commit)}`]),
    ...commits,
    ...files,
  ]
}

const short = (commit: string) => commit.slice(0, 10)
