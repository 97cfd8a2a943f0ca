import { OrchError } from '../../errors.ts'
import type { Argv, Env, Exec } from '../../exec.ts'
import { ghFailure, type HttpAnswer, httpFailure, notLoggedIn, rateLimited, refused } from './failure.ts'
import type { GithubRemote } from './remote.ts'

/**
 * GitHub through `gh api`: gh brings the login, the proxy and the certificates, and the answers are GitHub's own, the
 * same under every version of gh (its other commands ask for fields that GitHub has removed since, and their texts change).
 */
export interface Gh {
  /** One REST request. A refusal is an answer too. @throws OrchError E_PROGRAM_MISSING, E_FORGE_LOGIN, E_FORGE */
  ask(host: string, request: RestRequest): Promise<HttpAnswer>
  /** A REST request that must succeed. @throws OrchError what `httpFailure` makes of a refusal */
  rest(host: string, request: RestRequest): Promise<HttpAnswer>
  /** A GraphQL query's data. @throws OrchError E_FORGE, E_FORGE_LOGIN, E_NOT_FOUND */
  graphql(host: string, query: string, variables: Record<string, unknown>): Promise<unknown>
  /** ms since the epoch */
  now(): number
}

export interface RestRequest {
  method?: 'GET' | 'POST' | 'PUT' | 'PATCH'
  /** Without a slash in front: `repos/o/r/pulls`. */
  path: string
  body?: Record<string, unknown>
  accept?: string
  /** What a 404 is about, for people. */
  what: string
}

export interface GhOptions {
  exec: Exec
  /** The person's environment: PATH, HOME, GH_*, proxies. */
  env: Env
  now: () => number
}

const JSON_TYPE = 'application/vnd.github+json'

export function createGh({ exec, env, now }: GhOptions): Gh {
  const ghEnv = { ...withoutTerminal(env), ...NEVER_ASK }
  const ask = async (host: string, request: RestRequest) => {
    const input = request.body && JSON.stringify(request.body)
    // no repository is the current directory, so gh asks no git about it
    const result = await exec(apiArgv(host, request), {
      cwd: '/',
      env: ghEnv,
      input,
      timeoutMs: 60_000,
    }).catch(explainMissing)
    const answer = parseAnswer(result.stdout)
    if (answer && !result.truncated) return answer
    throw result.truncated ? refused(`the answer about ${request.what} is too large`) : ghFailure(result)
  }
  const rest = async (host: string, request: RestRequest) => {
    const answer = await ask(host, request)
    if (answer.status >= 200 && answer.status < 300) return answer
    throw httpFailure(answer, request.what, now())
  }
  return {
    ask,
    rest,
    now,
    async graphql(host, query, variables) {
      const what = 'repository or pull request'
      const body = { query, variables }
      const answer = await rest(host, { method: 'POST', path: 'graphql', body, what })
      return graphqlData(answer, now())
    },
  }
}

/** Path of something of a repository in the REST interface. */
export const inRepository = ({ owner, name }: GithubRemote, ...parts: (string | number)[]) =>
  ['repos', owner, name, ...parts].map((part) => encodeURIComponent(part)).join('/')

/** The arguments of one `gh api` call; a body goes through standard input. */
export function apiArgv(host: string, { method = 'GET', path, body, accept }: RestRequest): Argv {
  const how = [
    '--include',
    '--hostname',
    host,
    '--method',
    method,
    '--header',
    `Accept: ${accept ?? JSON_TYPE}`,
  ]
  return ['gh', 'api', ...how, ...(body ? ['--input', '-'] : []), path]
}

/** Status line, headers and body as `gh api --include` prints them; undefined when it printed no answer. */
export function parseAnswer(stdout: string): HttpAnswer | undefined {
  const [, status, lines = '', body = ''] =
    /^HTTP\/[\d.]+ (\d{3})[^\n]*\n((?:[^\r\n]+\r?\n)*)\r?\n?([\s\S]*)$/.exec(stdout) ?? []
  if (!status) return undefined
  const headers: Record<string, string> = {}
  for (const line of lines.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim()
  }
  return { status: Number(status), headers, body }
}

interface GraphqlError {
  type?: string
  message: string
  path?: unknown[]
}

function graphqlData(answer: HttpAnswer, now: number): unknown {
  const { data, errors = [] } = parseJson(answer.body) as { data?: unknown; errors?: GraphqlError[] }
  // the rules of a branch are a bonus: some logins may not read them
  const error = errors.find((it) => !it.path?.includes('refUpdateRule'))
  if (!error) return data
  const { type = '', message } = error
  if (/RATE_LIMIT/.test(type)) throw rateLimited(message, answer, now)
  if (type === 'NOT_FOUND') throw new OrchError('E_NOT_FOUND', `GitHub: ${message}`)
  if (/FORBIDDEN|INSUFFICIENT_SCOPES/.test(type))
    throw notLoggedIn(`the login of gh may not do this: ${message}`)
  throw refused(`GitHub refuses: ${message}`)
}

/** @throws OrchError E_FORGE when it is no JSON: something between us and GitHub answered (a proxy, a login page). */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (cause) {
    throw new OrchError('E_FORGE', `GitHub's answer is no JSON: ${body.slice(0, 100)}`, {
      cause,
      details: { retryable: true },
    })
  }
}

const NEVER_ASK: Env = { GH_PROMPT_DISABLED: '1', GH_NO_UPDATE_NOTIFIER: '1', NO_COLOR: '1', LC_ALL: 'C' }

/** Without what would make gh colour, page or chat although nobody watches. */
function withoutTerminal(env: Env): Env {
  const noise = /^(GH_FORCE_TTY|CLICOLOR_FORCE|GH_DEBUG|DEBUG|GH_REPO|GH_PAGER|PAGER)$/
  return Object.fromEntries(Object.entries(env).filter(([name]) => !noise.test(name)))
}

function explainMissing(error: unknown): never {
  if (!(error instanceof OrchError) || error.code !== 'E_PROGRAM_MISSING') throw error
  throw new OrchError('E_PROGRAM_MISSING', 'gh, the command line program of GitHub, is not installed', {
    cause: error,
    fix: 'Install gh (apt install gh, brew install gh, or https://cli.github.com), then gh auth login; or keep pull requests on this machine: --forge local',
    details: { program: 'gh' },
  })
}
