import { existsSync } from 'node:fs'
import type { Answer, Checked, Handlers } from '../../api/contract.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { type AskHost, askerOf, isAway } from './host-calls.ts'

type PullVerb = 'pulls' | 'pull' | 'diff' | 'openPull' | 'merge' | 'review' | 'check'

/** The repository at /path of that host, as people name it from another one. */
const ELSEWHERE = /^([a-z0-9][a-z0-9.-]{0,62}):(\/.*)$/s

/** The verbs of pull requests also for a repository of another host: `HOST:/path`. */
export function pullsAcrossHosts(handlers: Handlers, parts: Parts): Pick<Handlers, PullVerb> {
  const { exchange } = parts.store
  const ask = exchange && askerOf(exchange)
  const at = <N extends PullVerb>(verb: N) => {
    const here = handlers[verb] as (input: Checked<N>) => Promise<Answer<N>>
    return async (input: Checked<N>) => await askWhereItIs(parts, ask, verb, input, here)
  }
  return {
    pulls: at('pulls'),
    pull: at('pull'),
    diff: at('diff'),
    openPull: at('openPull'),
    merge: at('merge'),
    review: at('review'),
    check: at('check'),
  }
}

interface Where {
  query?: { repo: string }
  body?: { repo: string }
}

async function askWhereItIs<N extends PullVerb>(
  parts: Parts,
  ask: AskHost | undefined,
  verb: N,
  input: Checked<N>,
  here: (input: Checked<N>) => Promise<Answer<N>>,
): Promise<Answer<N>> {
  const { query, body } = input as Where
  const [, host, repo = ''] = ELSEWHERE.exec(query?.repo ?? body?.repo ?? '') ?? []
  if (host === undefined) return await here(input)
  const there = {
    ...input,
    ...(query && { query: { ...query, repo } }),
    ...(body && { body: { ...body, repo } }),
  }
  if (host === parts.host || !ask) return await here(there)
  return await ask(host, verb, there).catch(async (error) => {
    if (!query || !isAway(error)) throw error
    // what was brought here can be looked at here
    const path = parts.carrying?.pathOf(query.repo)
    if (!path || !existsSync(path)) throw error
    return await here({ ...input, query: { ...query, repo: path } })
  })
}
