import type { Breaker } from '../breaker.ts'
import { type Calls, through } from '../breakers.ts'
import type { Forge } from './forge.ts'

/** No answer, or none in time. What the forge refuses it has answered. */
const CALLS: Calls = {
  code: 'E_FORGE',
  isFault: ({ code, details }) =>
    code === 'E_TIMEOUT' || (code === 'E_FORGE' && details?.retryable !== false),
}

/** What needs nothing but this machine, or only when something is missing here. */
const HERE = ['name', 'agentEnv', 'fetch', 'compare'] as const

/**
 * A forge behind the breaker of the service that a repository is on. Everything else is as the port says; while the breaker
 * is open, all that needs the service fails at once with E_FORGE (`details.retryable`, `details.until`).
 */
export function guarded(forge: Forge, breakerOf: (repo: string) => Promise<Breaker | undefined>): Forge {
  const guard = <A extends [repo: string, ...rest: unknown[]], T>(verb: (...args: A) => Promise<T>) => {
    return async (...args: A): Promise<T> => {
      const breaker = await breakerOf(args[0])
      return breaker ? await through(breaker, CALLS, () => verb(...args)) : await verb(...args)
    }
  }
  const { name, agentEnv, fetch, compare }: Pick<Forge, (typeof HERE)[number]> = forge
  return {
    name,
    agentEnv,
    fetch,
    compare,
    base: guard(forge.base),
    head: guard(forge.head),
    push: guard(forge.push),
    find: guard(forge.find),
    open: guard(forge.open),
    get: guard(forge.get),
    list: guard(forge.list),
    diff: guard(forge.diff),
    checks: guard(forge.checks),
    merge: guard(forge.merge),
    close: guard(forge.close),
    ...(forge.keep && { keep: guard(forge.keep) }),
    ...(forge.obtain && { obtain: guard(forge.obtain) }),
    ...(forge.letGo && { letGo: guard(forge.letGo) }),
  }
}
