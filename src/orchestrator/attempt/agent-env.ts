import type { Env } from '../../exec.ts'

/** What an agent finds in its environment: a clean one, built from a list, never the daemon's own. */

/** Variables of the caller's shell that agents get; a trailing * matches any ending. */
export const PASSED_ENV: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'LC_*',
  'TZ',
  'TMPDIR',
  'XDG_CONFIG_HOME',
  'XDG_CACHE_HOME',
  'XDG_DATA_HOME',
  'XDG_STATE_HOME',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'ALL_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'all_proxy',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'SSH_AUTH_SOCK',
  'GH_TOKEN',
  'GH_HOST',
  'GITHUB_TOKEN',
  'GH_CONFIG_DIR',
  'ANTHROPIC_*',
  'CLAUDE_CONFIG_DIR',
  'CLAUDE_CODE_OAUTH_TOKEN',
  'CLAUDE_CODE_USE_*',
  'CLAUDE_CODE_MAX_*',
  'AWS_*',
  'OPENAI_*',
  'CODEX_*',
  'PI_*',
  'GEMINI_*',
  'GOOGLE_*',
  'OPENCODE_API_KEY',
  'OPENCODE_AUTH_CONTENT',
  'OPENCODE_CONFIG',
  'OPENCODE_CONFIG_DIR',
  'OPENCODE_DISABLE_*',
  'OPENCODE_MODELS_*',
  'OPENROUTER_*',
  'MISTRAL_*',
  'GIT_AUTHOR_NAME',
  'GIT_AUTHOR_EMAIL',
  'GIT_COMMITTER_NAME',
  'GIT_COMMITTER_EMAIL',
]

/**
 * The part of `env` that agents get, by the list above and the patterns of `passEnv`. `never`: names of secrets that are the
 * daemon's alone (who has the password of Redis has every host), whatever the patterns say.
 */
export function passedEnv(
  env: Env,
  passEnv: readonly string[] = [],
  never: readonly (string | undefined)[] = [],
): Record<string, string> {
  const patterns = [...PASSED_ENV, ...passEnv]
  const passed = (name: string) => patterns.some((pattern) => fits(name, pattern)) && !never.includes(name)
  return Object.fromEntries(Object.entries(env).filter(([name]) => passed(name)))
}

function fits(name: string, pattern: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern
}

/** What a terminal program expects, and what keeps git and package managers from asking. */
export const QUIET_ENV: Env = {
  TERM: 'xterm-256color',
  GIT_TERMINAL_PROMPT: '0',
  GIT_EDITOR: 'true',
  PAGER: 'cat',
  GIT_PAGER: 'cat',
}
