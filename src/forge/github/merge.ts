import { z } from 'zod'
import { OrchError } from '../../errors.ts'
import type { Check, MergeOptions, PullRequest } from '../forge.ts'
import { readChecks } from './checks.ts'
import { type HttpAnswer, httpFailure, isRetryable, messageOf, refused, retryable } from './failure.ts'
import { type Gh, inRepository } from './gh.ts'
import { getPull, read } from './pulls.ts'
import type { GithubRemote } from './remote.ts'

/**
 * Merges on GitHub when the head is the expected one and no required check is red or pending, and gives the commit that
 * the base has then. Merged already with that head is no error, so a lost answer is found out by asking again.
 * @throws OrchError E_HEAD_MOVED, E_CHECKS, E_CONFLICT, E_STATE when it was closed, E_FORGE
 */
export async function mergePull(
  gh: Gh,
  remote: GithubRemote,
  number: number,
  options: MergeOptions,
): Promise<{ pullRequest: PullRequest; commit: string }> {
  const pullRequest = await getPull(gh, remote, number)
  const commit = landed(pullRequest, options) ?? (await land(gh, remote, pullRequest, options))
  return { pullRequest, commit }
}

/** The merge commit when it is merged; undefined when it is open and may be merged. */
function landed(it: PullRequest, { expectedHead }: MergeOptions): string | undefined {
  const name = `pull request #${it.number}`
  if (it.state === 'closed') throw new OrchError('E_STATE', `${name} is closed`)
  if (it.headCommit !== expectedHead)
    throw new OrchError('E_HEAD_MOVED', `the head of ${name} is ${it.headCommit}, not ${expectedHead}`)
  return it.state === 'merged' ? it.mergeCommit : undefined
}

async function land(gh: Gh, remote: GithubRemote, it: PullRequest, options: MergeOptions): Promise<string> {
  refuseRed(it.number, await readChecks(gh, remote, it.number))
  try {
    const answer = await gh.ask(remote.host, mergeRequest(remote, it.number, options))
    if (answer.status === 200) return read(z.object({ sha: z.string() }), answer.body).sha
    throw refusal(answer, it.number, gh.now())
  } catch (error) {
    if (!isRetryable(error)) throw error
    const commit = landed(await getPull(gh, remote, it.number), options)
    if (commit) return commit
    throw error
  }
}

function mergeRequest(remote: GithubRemote, number: number, { method, expectedHead, message }: MergeOptions) {
  const [title, ...rest] = message?.split('\n') ?? []
  const words =
    title && method !== 'rebase' ? { commit_title: title, commit_message: rest.join('\n').trim() } : {}
  return {
    method: 'PUT',
    path: inRepository(remote, 'pulls', number, 'merge'),
    body: { merge_method: method, sha: expectedHead, ...words },
    what: `pull request #${number}`,
  } as const
}

function refuseRed(number: number, checks: Check[]): void {
  const inTheWay = checks.filter((check) => check.required && check.state !== 'success')
  if (inTheWay.length === 0) return
  const list = inTheWay.map((check) => `${check.name} (${check.state})`).join(', ')
  throw new OrchError('E_CHECKS', `pull request #${number} has required checks that are not green: ${list}`)
}

/** GitHub says 409 to a head that moved and 405 to everything else that stands against a merge. */
function refusal(answer: HttpAnswer, number: number, now: number): OrchError {
  const said = messageOf(answer.body)
  const message = `GitHub does not merge pull request #${number}: ${said}`
  if (answer.status === 409) return new OrchError('E_HEAD_MOVED', message)
  if (answer.status !== 405) return httpFailure(answer, `pull request #${number}`, now)
  if (/Base branch was modified/i.test(said)) return retryable(message)
  if (/status check|review|approv/i.test(said)) return new OrchError('E_CHECKS', message)
  if (/not allowed|not permitted|protected|rule/i.test(said)) return refused(message)
  return new OrchError('E_CONFLICT', message)
}
