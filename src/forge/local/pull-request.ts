import type { Check, PullRequest } from '../forge.ts'
import type { PullRecord } from './records.ts'

/**
 * A record as the forge shows it. The url is what a person can use in the repository: a command, because the local
 * forge has no page to open.
 */
export function toPullRequest(record: PullRecord): PullRequest {
  const { number, head, base, title, body, state, headCommit, author, createdAt, mergeCommit } = record
  const shown = { number, head, base, title, body, state, headCommit, author, createdAt }
  return { forge: 'local', url: `orch pr show ${number}`, ...shown, ...(mergeCommit ? { mergeCommit } : {}) }
}

/**
 * The checks of the head. A required check that ran on another commit only is pending: new commits do not pass because
 * nobody looked at them.
 */
export function checksOfHead({ checks, headCommit }: PullRecord): Check[] {
  const current = checks.filter((check) => check.commit === headCommit)
  const names = new Set(current.map((check) => check.name))
  const missing = checks
    .filter((check) => check.required && !names.has(check.name))
    .map((check) => check.name)
  const pending = (name: string): Check => ({ name, state: 'pending', required: true, commit: headCommit })
  return [...current, ...[...new Set(missing)].map(pending)]
}
