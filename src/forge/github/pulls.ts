import { z } from 'zod'
import { OrchError } from '../../errors.ts'
import type { NewPullRequest, PullRequest, PullRequestState } from '../forge.ts'
import { httpFailure, isRetryable, messageOf } from './failure.ts'
import { type Gh, inRepository, parseJson } from './gh.ts'
import type { GithubRemote } from './remote.ts'

/** Pull requests of one repository on GitHub. */

const side = z.object({ ref: z.string(), sha: z.string(), repo: z.object({ id: z.number() }).nullable() })
const pullBody = z.object({
  number: z.int(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  title: z.string(),
  body: z.string().nullish(),
  user: z.object({ login: z.string() }).nullish(),
  created_at: z.string(),
  merged_at: z.string().nullish(),
  merge_commit_sha: z.string().nullish(),
  head: side,
  base: side,
})
type PullBody = z.infer<typeof pullBody>

const PAGE = 100
/** `list` gives the newest thousand: a repository may have a hundred times as many. */
const PAGES = 10

export async function getPull(gh: Gh, remote: GithubRemote, number: number): Promise<PullRequest> {
  const path = inRepository(remote, 'pulls', number)
  const answer = await gh.rest(remote.host, { path, what: `pull request #${number}` })
  return toPullRequest(read(pullBody, answer.body))
}

/** Those of a branch of this very repository, newest first: a fork's branch of the same name is another one. */
export async function findPulls(gh: Gh, remote: GithubRemote, branch: string): Promise<PullRequest[]> {
  const query = { state: 'all', head: `${remote.owner}:${branch}` }
  const bodies = await pages(gh, remote, query)
  return bodies
    .filter((it) => it.head.ref === branch && it.head.repo?.id === it.base.repo?.id)
    .map(toPullRequest)
}

export async function listPulls(
  gh: Gh,
  remote: GithubRemote,
  state?: PullRequestState,
): Promise<PullRequest[]> {
  const asked = state === undefined ? 'all' : state === 'open' ? 'open' : 'closed'
  const found = (await pages(gh, remote, { state: asked })).map(toPullRequest)
  return state ? found.filter((it) => it.state === state) : found
}

/**
 * Opens one, or gives the open one that the branch has, whatever base that goes to: the head branch is what tells pull
 * requests apart. When the answer is lost, looking again tells whether it was made.
 */
export async function openPull(
  gh: Gh,
  remote: GithubRemote,
  request: NewPullRequest,
): Promise<{ pullRequest: PullRequest; created: boolean }> {
  const open = async () => (await findPulls(gh, remote, request.head)).find((it) => it.state === 'open')
  const before = await open()
  if (before) return { pullRequest: before, created: false }
  try {
    const made = await create(gh, remote, request)
    if (made) return { pullRequest: made, created: true }
  } catch (error) {
    const there = isRetryable(error) ? await open() : undefined
    if (there) return { pullRequest: there, created: true }
    throw error
  }
  const theirs = await open()
  if (theirs) return { pullRequest: theirs, created: false }
  throw new OrchError('E_FORGE', `GitHub says that ${request.head} has a pull request and shows none`, {
    details: { retryable: true },
  })
}

/** Undefined when GitHub says that there is one already. */
async function create(
  gh: Gh,
  remote: GithubRemote,
  request: NewPullRequest,
): Promise<PullRequest | undefined> {
  const { head, base, title, body } = request
  const what = `repository ${remote.owner}/${remote.name}`
  const asked = {
    method: 'POST',
    path: inRepository(remote, 'pulls'),
    body: { head, base, title, body },
    what,
  } as const
  const answer = await gh.ask(remote.host, asked)
  if (answer.status === 201) return toPullRequest(read(pullBody, answer.body))
  if (answer.status === 422 && /already exists/i.test(messageOf(answer.body))) return undefined
  const invalid = answer.status === 422 ? invalidBranch(answer.body) : undefined
  if (invalid) throw new OrchError('E_NOT_FOUND', `GitHub has no branch ${request[invalid]}: push it first`)
  throw httpFailure(answer, what, gh.now())
}

/** GitHub names the field and no more when one of the two branches is not there. */
function invalidBranch(body: string): 'head' | 'base' | undefined {
  const refusal = z.object({ errors: z.array(z.object({ field: z.string().optional() })) })
  const fields = refusal.safeParse(parseJson(body)).data?.errors.map((it) => it.field)
  return fields?.includes('head') ? 'head' : fields?.includes('base') ? 'base' : undefined
}

/** Closes an open one; one that has ended stays as it is. */
export async function closePull(gh: Gh, remote: GithubRemote, number: number): Promise<PullRequest> {
  const before = await getPull(gh, remote, number)
  if (before.state !== 'open') return before
  const path = inRepository(remote, 'pulls', number)
  const what = `pull request #${number}`
  const answer = await gh.rest(remote.host, { method: 'PATCH', path, body: { state: 'closed' }, what })
  return toPullRequest(read(pullBody, answer.body))
}

async function pages(gh: Gh, remote: GithubRemote, filter: Record<string, string>): Promise<PullBody[]> {
  const all: PullBody[] = []
  for (let page = 1; page <= PAGES; page++) {
    const query = { ...filter, sort: 'created', direction: 'desc', per_page: `${PAGE}`, page: `${page}` }
    const path = `${inRepository(remote, 'pulls')}?${new URLSearchParams(query)}`
    const answer = await gh.rest(remote.host, { path, what: `repository ${remote.owner}/${remote.name}` })
    const found = read(z.array(pullBody), answer.body)
    all.push(...found)
    if (found.length < PAGE) break
  }
  return all
}

/** @throws OrchError E_FORGE when GitHub's answer has another shape than its documentation says. */
export function read<T>(schema: z.ZodType<T>, body: string): T {
  const result = schema.safeParse(parseJson(body))
  if (result.success) return result.data
  throw new OrchError('E_FORGE', `GitHub's answer is not understood: ${z.prettifyError(result.error)}`, {
    details: { retryable: true },
  })
}

function toPullRequest(it: PullBody): PullRequest {
  const merged = Boolean(it.merged_at)
  return {
    forge: 'github',
    number: it.number,
    url: it.html_url,
    state: merged ? 'merged' : it.state,
    title: it.title,
    body: it.body ?? '',
    head: it.head.ref,
    base: it.base.ref,
    headCommit: it.head.sha,
    author: it.user?.login ?? 'ghost', // GitHub's own name for a deleted account
    createdAt: Date.parse(it.created_at),
    // GitHub shows the commit of a trial merge here as long as it is open
    ...(merged && it.merge_commit_sha && { mergeCommit: it.merge_commit_sha }),
  }
}
