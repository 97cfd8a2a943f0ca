import type { Env } from '../../exec.ts'

/** A repository on a GitHub, as the address of a git remote names it. */
export interface GithubRemote {
  /** `github.com`, or the host of a GitHub Enterprise. */
  host: string
  owner: string
  name: string
}

const PATH = /^\/*([A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)\/([A-Za-z0-9._-]+?)(?:\.git)?\/*$/
const SCP_LIKE = /^(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!\/\/)(.+)$/
const PROTOCOLS = new Set(['https:', 'http:', 'ssh:', 'git+ssh:', 'git:'])

/** Host, owner and name in `https://…`, `ssh://…` or `git@host:owner/name.git`; undefined when it is none of them. */
export function parseRemote(url: string): GithubRemote | undefined {
  const place = url.includes('://') ? parseUrl(url) : parseScpLike(url)
  const [, owner, name] = PATH.exec(place?.path ?? '') ?? []
  if (!place || !owner || !name || name === '.' || name === '..') return undefined
  // ssh.github.com is how ssh gets through port 443; www. is what a browser shows
  const host = place.host.toLowerCase().replace(/^(?:www|ssh)\.github\.com$/, 'github.com')
  return { host, owner, name }
}

/**
 * Whether the address is one of a GitHub that `gh` knows: github.com, a ghe.com tenant, or the host in GH_HOST.
 * `env` is the person's environment.
 */
export function isGithub(url: string, env: Env): boolean {
  const host = parseRemote(url)?.host
  if (!host) return false
  return host === 'github.com' || host.endsWith('.ghe.com') || host === env.GH_HOST?.toLowerCase()
}

function parseUrl(url: string) {
  const parsed = URL.parse(url)
  if (!parsed || !PROTOCOLS.has(parsed.protocol) || !parsed.hostname) return undefined
  return { host: parsed.hostname, path: parsed.pathname }
}

function parseScpLike(url: string) {
  const [, host, path] = SCP_LIKE.exec(url) ?? []
  return host && path ? { host, path } : undefined
}
