import type { Breaker } from '../../breaker.ts'
import type { Breakers } from '../../breakers.ts'
import type { Git } from '../../git.ts'
import { parseRemote } from './remote.ts'

export const GITHUB_BREAKER = 'forge github'

/**
 * The breaker of the GitHub that `origin` of a repository names, one for each host: a GitHub Enterprise behind a VPN that is
 * off says nothing of github.com. Undefined for a repository without one.
 */
export function githubBreakers(breakers: Breakers, git: Git): (repo: string) => Promise<Breaker | undefined> {
  return async (repo) => {
    const { stdout } = await git.in(repo).try(['remote', 'get-url', 'origin'])
    const host = parseRemote(stdout.trim())?.host
    if (host === undefined) return undefined
    return breakers.of(host === 'github.com' ? GITHUB_BREAKER : `${GITHUB_BREAKER} at ${host}`)
  }
}
