import type { Env } from './exec.ts'

/** Settings for git that live in the environment alone (git-config(1), GIT_CONFIG_COUNT): nothing is written anywhere. */

/** The variables that give git these settings. */
export function gitConfigEnv(
  settings: Iterable<readonly [name: string, value: string]>,
): Record<string, string> {
  const pairs = [...settings].flatMap(([name, value], n) => [
    [`GIT_CONFIG_KEY_${n}`, name],
    [`GIT_CONFIG_VALUE_${n}`, value],
  ])
  return { GIT_CONFIG_COUNT: String(pairs.length / 2), ...Object.fromEntries(pairs) }
}

/** Several environments as one; the git settings of all of them hold, a later one over an earlier. */
export function joinEnvironments(...all: Env[]): Record<string, string> {
  const settings = all.flatMap(gitSettingsIn)
  const joined: Record<string, string> = Object.assign({}, ...all)
  return settings.length > 0 ? { ...joined, ...gitConfigEnv(settings) } : joined
}

function gitSettingsIn(env: Env): (readonly [string, string])[] {
  const count = Number(env.GIT_CONFIG_COUNT ?? 0)
  return Array.from(
    { length: count },
    (_, n) => [env[`GIT_CONFIG_KEY_${n}`] ?? '', env[`GIT_CONFIG_VALUE_${n}`] ?? ''] as const,
  )
}
