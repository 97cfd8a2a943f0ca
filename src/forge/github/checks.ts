import { z } from 'zod'
import { OrchError } from '../../errors.ts'
import type { Check } from '../forge.ts'
import type { Gh } from './gh.ts'
import type { GithubRemote } from './remote.ts'

/** Checks of a pull request's head: what GitHub Actions and apps run, and the commit statuses of older services. */

const QUERY = `query OrchChecks($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      baseRef { refUpdateRule { requiredStatusCheckContexts } }
      commits(last: 1) { nodes { commit { oid statusCheckRollup { contexts(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          __typename
          ... on CheckRun {
            name status conclusion title detailsUrl startedAt isRequired(pullRequestNumber: $number)
            checkSuite { workflowRun { event workflow { name } } }
          }
          ... on StatusContext { context state description targetUrl isRequired(pullRequestNumber: $number) }
        }
      } } } } }
    }
  }
}`

const checkRun = z.object({
  __typename: z.literal('CheckRun'),
  name: z.string(),
  status: z.string(),
  conclusion: z.string().nullish(),
  title: z.string().nullish(),
  detailsUrl: z.string().nullish(),
  startedAt: z.string().nullish(),
  isRequired: z.boolean(),
  checkSuite: z
    .object({
      workflowRun: z.object({ event: z.string(), workflow: z.object({ name: z.string() }) }).nullish(),
    })
    .nullish(),
})
const statusContext = z.object({
  __typename: z.literal('StatusContext'),
  context: z.string(),
  state: z.string(),
  description: z.string().nullish(),
  targetUrl: z.string().nullish(),
  isRequired: z.boolean(),
})
const context = z.discriminatedUnion('__typename', [checkRun, statusContext])
type Context = z.infer<typeof context>

const rule = z.object({ requiredStatusCheckContexts: z.array(z.string().nullable()).nullish() })
const contexts = z.object({
  pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullish() }),
  nodes: z.array(context),
})
const commit = z.object({ oid: z.string(), statusCheckRollup: z.object({ contexts }).nullish() })
const pullRequest = z.object({
  baseRef: z.object({ refUpdateRule: rule.nullish() }).nullish(),
  commits: z.object({ nodes: z.array(z.object({ commit })).min(1) }),
})
const answer = z.object({ repository: z.object({ pullRequest }) })

interface Reported {
  commit: string
  contexts: Context[]
  /** Names that the base branch demands, as far as the login may read them. */
  demanded: string[]
}

/**
 * Every check of the head, and those that the base branch demands and nobody has reported yet (as pending). When
 * GitHub tells of no required check, each one counts as required: green is what a person would want to see.
 */
export async function readChecks(gh: Gh, remote: GithubRemote, number: number): Promise<Check[]> {
  const { commit, contexts, demanded } = await report(gh, remote, number)
  const isRequired = (it: Context) => it.isRequired || demanded.includes(nameOf(it))
  const known = demanded.length > 0 || contexts.some(isRequired)
  const checks = latest(contexts).map((it) => toCheck(it, commit, !known || isRequired(it)))
  const missing = demanded.filter((name) => !checks.some((check) => check.name === name))
  return [...checks, ...missing.map((name) => expected(name, commit))]
}

async function report(gh: Gh, { host, owner, name }: GithubRemote, number: number): Promise<Reported> {
  const all: Context[] = []
  for (let after: string | null | undefined = null; ; ) {
    const data = answer.safeParse(await gh.graphql(host, QUERY, { owner, name, number, after }))
    if (!data.success) throw notUnderstood(data.error)
    const pull = data.data.repository.pullRequest
    const head = pull.commits.nodes[0]?.commit
    const page = head?.statusCheckRollup?.contexts
    all.push(...(page?.nodes ?? []))
    after = page?.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined
    if (after) continue
    const demanded = pull.baseRef?.refUpdateRule?.requiredStatusCheckContexts ?? []
    return { commit: head?.oid ?? '', contexts: all, demanded: demanded.filter((it) => it !== null) }
  }
}

const notUnderstood = (error: z.ZodError) =>
  new OrchError('E_FORGE', `GitHub's answer on checks is not understood: ${z.prettifyError(error)}`, {
    details: { retryable: true },
  })

const nameOf = (it: Context) => (it.__typename === 'CheckRun' ? it.name : it.context)

/** A run that was started again leaves its older self in the list: only the newest counts. */
function latest(all: Context[]): Context[] {
  const newest = new Map<string, Context>()
  for (const it of all) {
    const run = it.__typename === 'CheckRun' ? it.checkSuite?.workflowRun : undefined
    const key = JSON.stringify([it.__typename, nameOf(it), run?.workflow.name, run?.event])
    const other = newest.get(key)
    if (!other || startOf(it) >= startOf(other)) newest.set(key, it)
  }
  return [...newest.values()]
}

const startOf = (it: Context) => Date.parse((it.__typename === 'CheckRun' && it.startedAt) || '') || 0

function toCheck(it: Context, commit: string, required: boolean): Check {
  const isRun = it.__typename === 'CheckRun'
  const summary = isRun ? it.title : it.description
  const url = isRun ? it.detailsUrl : it.targetUrl
  const state = isRun ? runState(it.status, it.conclusion) : statusState(it.state)
  return { name: nameOf(it), state, required, commit, ...(summary && { summary }), ...(url && { url }) }
}

/** STALE is GitHub's word for a run that nobody ever finished; it is waited for like the others. */
function runState(status: string, conclusion: string | null | undefined): Check['state'] {
  if (status !== 'COMPLETED' || !conclusion || conclusion === 'STALE') return 'pending'
  return ['SUCCESS', 'NEUTRAL', 'SKIPPED'].includes(conclusion) ? 'success' : 'failure'
}

function statusState(state: string): Check['state'] {
  if (state === 'SUCCESS') return 'success'
  return state === 'PENDING' || state === 'EXPECTED' ? 'pending' : 'failure'
}

const expected = (name: string, commit: string): Check => ({
  name,
  state: 'pending',
  required: true,
  commit,
  summary: 'required by the base branch, not reported yet',
})
