import { z } from 'zod'
import { OrchError, toOrchError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Exchange } from '../store/store.ts'
import { isCommitId } from './bundle.ts'
import { readName } from './names.ts'

/** What hosts ask the one where a repository is at home. */
export interface Home {
  /** The commit of a branch, after it was put into the store; undefined when nobody answers there. */
  tip(repo: string, branch: string): Promise<string | undefined>
  /** Has it put a commit into the store. Whether it did is seen there. `have`: what need not be put. */
  commit(repo: string, commit: string, have: readonly string[]): Promise<void>
  /** Those of the commits that refs at home keep; undefined when nobody answers there. */
  holds(repo: string, commits: readonly string[]): Promise<string[] | undefined>
}

const VERBS = { tip: 'repository.tip', commit: 'repository.commit', holds: 'repository.holds' } as const
/** Commits of one question. */
const MOST_ASKED = 1_000
/** A large repository is packed meanwhile. */
const PATIENCE_MS = 120_000

const commitId = z.string().refine(isCommitId, 'a commit id')
const name = z
  .string()
  .max(5_000)
  .refine((it) => readName(it) !== undefined, 'HOST:/path')
const tipInput = z.object({ repo: name, branch: z.string().min(1).max(200) })
const commitInput = z.object({ repo: name, commit: commitId, have: z.array(commitId).max(100) })
const holdsInput = z.object({ repo: name, commits: z.array(commitId).max(MOST_ASKED) })
const holdsAnswer = z.object({ commits: z.array(commitId) })
const tipAnswer = z.object({ commit: commitId })

/** Nobody answers, or not in time. */
const AWAY = new Set(['E_HOST_GONE', 'E_TIMEOUT'])

/** @param host this one: it never asks itself. Repositories are told by their names. */
export function createHome(exchange: Pick<Exchange, 'call'>, host: string, log: Log): Home {
  const ask = async (repo: string, verb: string, input: object): Promise<unknown> => {
    const place = readName(repo)
    if (!place || place.host === host) return undefined
    try {
      return await exchange.call(place.host, { verb, input }, PATIENCE_MS)
    } catch (error) {
      if (!AWAY.has(toOrchError(error).code)) throw error
      log.debug('the home of a repository does not answer', { repo, verb, error })
      return undefined
    }
  }
  return {
    async tip(repo, branch) {
      const answer = await ask(repo, VERBS.tip, { repo, branch })
      return answer === undefined ? undefined : tipAnswer.parse(answer).commit
    },
    async commit(repo, commit, have) {
      await ask(repo, VERBS.commit, { repo, commit, have: have.slice(0, 100) }).catch((error) => {
        if (toOrchError(error).code === 'E_STORE_DOWN') throw error
        log.debug('a commit is not to be had of its home', { repo, commit, error })
      })
    },
    async holds(repo, commits) {
      const answer = await ask(repo, VERBS.holds, { repo, commits: commits.slice(0, MOST_ASKED) })
      return answer === undefined ? undefined : holdsAnswer.parse(answer).commits
    },
  }
}

export interface HomeVerbs {
  /** @param path of a repository that is at home here */
  tip(path: string, branch: string): Promise<string>
  commit(path: string, commit: string, have: readonly string[]): Promise<void>
  /** Whether a ref keeps it. */
  holds(path: string, commit: string): Promise<boolean>
}

/** Answers what other hosts ask of this one. @throws OrchError E_NOT_FOUND, E_INVALID, and what the verbs throw */
export async function answerAtHome(
  verbs: HomeVerbs,
  host: string,
  { verb, input }: { verb: string; input: unknown },
): Promise<unknown> {
  if (verb === VERBS.tip) {
    const { repo, branch } = read(tipInput, input)
    return { commit: await verbs.tip(pathAtHome(repo, host), branch) }
  }
  if (verb === VERBS.commit) {
    const { repo, commit, have } = read(commitInput, input)
    await verbs.commit(pathAtHome(repo, host), commit, have)
    return {}
  }
  if (verb === VERBS.holds) {
    const { repo, commits } = read(holdsInput, input)
    const path = pathAtHome(repo, host)
    const held: string[] = []
    for (const commit of commits) if (await verbs.holds(path, commit)) held.push(commit)
    return { commits: held }
  }
  throw new OrchError('E_NOT_FOUND', `hosts do not ask each other for ${verb.slice(0, 60)}`)
}

function read<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  throw new OrchError('E_INVALID', parsed.error.issues[0]?.message ?? 'not what was expected')
}

function pathAtHome(repo: string, host: string): string {
  const place = readName(repo)
  if (place?.host === host) return place.path
  throw new OrchError('E_NOT_FOUND', `${repo} is not at home on ${host}`)
}
