import { type ErrorOptions, OrchError } from '../../errors.ts'
import type { ExecResult } from '../../exec.ts'
import { gitError } from '../../git.ts'

/**
 * What went wrong at GitHub, as an OrchError. `details.retryable` says whether the same call can work later without
 * anybody doing something; `details.resetAt` (ms since the epoch) when a rate limit ends.
 */

export interface HttpAnswer {
  status: number
  /** Names in small letters. */
  headers: Readonly<Record<string, string>>
  body: string
}

export const retryable = (message: string, options: ErrorOptions = {}) =>
  new OrchError('E_FORGE', message, { ...options, details: { ...options.details, retryable: true } })

export const refused = (message: string, details: Record<string, unknown> = {}) =>
  new OrchError('E_FORGE', message, {
    fix: 'GitHub refused it and will again: mend what the message names.',
    details: { ...details, retryable: false },
  })

export const isRetryable = (error: unknown): error is OrchError =>
  error instanceof OrchError && error.details?.retryable === true

/** An answer that is not a success. `what` names the thing that was asked for, for a 404. */
export function httpFailure(answer: HttpAnswer, what: string, now: number): OrchError {
  const said = messageOf(answer.body) || `HTTP ${answer.status}`
  const { status } = answer
  if (status === 401) return notLoggedIn(`GitHub does not take the login of gh: ${said}`)
  if (isRateLimit(answer, said)) return rateLimited(said, answer, now)
  if (status === 403) return notLoggedIn(`the login of gh may not do this: ${said}`)
  if (status === 404 || status === 410)
    return new OrchError('E_NOT_FOUND', `GitHub has no ${what} that the login of gh may see (${said})`)
  if (status >= 500 || status === 408) return retryable(`GitHub answers ${status}: ${said}`)
  return refused(`GitHub refuses (${status}): ${said}`, { status })
}

export function notLoggedIn(message: string): OrchError {
  return new OrchError('E_FORGE_LOGIN', message)
}

function isRateLimit({ status, headers }: HttpAnswer, said: string): boolean {
  if (status !== 403 && status !== 429) return false
  return status === 429 || 'retry-after' in headers || /rate limit/i.test(said)
}

/** `resetAt` comes from the headers; an hour is GitHub's own window when they say nothing. */
export function rateLimited(said: string, { headers }: Pick<HttpAnswer, 'headers'>, now: number): OrchError {
  const after = Number(headers['retry-after'])
  const reset = Number(headers['x-ratelimit-reset'])
  const resetAt = after > 0 ? now + after * 1_000 : reset > 0 ? reset * 1_000 : now + 3_600_000
  return retryable(`GitHub's rate limit is used up until ${new Date(resetAt).toISOString()}: ${said}`, {
    fix: 'Nothing to do: it goes on when the limit is reset.',
    details: { resetAt },
  })
}

/** GitHub's message with the messages below it: "Validation Failed: A pull request already exists for o:b." */
export function messageOf(body: string): string {
  try {
    const { message, errors } = JSON.parse(body) as { message?: unknown; errors?: unknown }
    const list = Array.isArray(errors) ? errors : []
    const below = list.map((it) => (typeof it === 'string' ? it : (it?.message ?? it?.code)))
    return [message, ...below].filter((it) => typeof it === 'string').join(': ')
  } catch {
    return body.trim().split('\n', 1)[0]?.slice(0, 300) ?? ''
  }
}

/** gh ended without any answer of GitHub's. */
export function ghFailure(result: ExecResult): OrchError {
  const said = result.stderr.trim().split('\n').slice(-3).join('\n')
  if (result.timedOut) return retryable('gh had no answer from GitHub in time')
  if (result.code === 4 || /gh auth login/.test(said)) return notLoggedIn(`gh is not logged in: ${said}`)
  return retryable(`gh cannot reach GitHub: ${said || `exit ${result.code ?? result.killedBy}`}`)
}

const LOGIN =
  /Authentication failed|could not read (?:Username|Password)|Permission denied|terminal prompts disabled|Host key verification failed|returned error: 40[13]|Permission to .* denied/
const UNKNOWN = /[Rr]epository .*not found|Repository not found|returned error: 404/
const NETWORK =
  /Could not resolve|unable to access|Connection (?:refused|reset|timed out|closed)|early EOF|RPC failed|hung up|unexpected disconnect|Network is unreachable|Operation timed out|returned error: 5\d\d/

/** git could not do something with the remote. */
export function gitFailure(dir: string, args: readonly string[], result: ExecResult): OrchError {
  const error = gitError(dir, args, result)
  const { stderr } = result
  const cause = { cause: error }
  if (error.code === 'E_DISK_FULL') return error
  if (UNKNOWN.test(stderr)) return new OrchError('E_NOT_FOUND', error.message, cause)
  if (LOGIN.test(stderr)) return new OrchError('E_FORGE_LOGIN', error.message, cause)
  return result.timedOut || NETWORK.test(stderr) ? retryable(error.message, cause) : error
}
