import { known } from '../../api/answering.ts'
import { type Answer, type Checked, type Handlers, routes, type Shape } from '../../api/contract.ts'
import { checkInput } from '../../api/request.ts'
import { OrchError, toOrchError } from '../../errors.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import type { Exchange, HostAnswer, HostCall } from '../../store/store.ts'

/** What hosts ask of each other: the verbs that need the machine they are about, and how long each may take, in ms. */
const PATIENCE_MS = {
  task: 3_000,
  log: 10_000,
  attach: 10_000,
  say: 30_000,
  interrupt: 60_000,
  permit: 30_000,
  cancel: 120_000,
  handOver: 60_000,
  cleanup: 300_000,
  pulls: 60_000,
  pull: 60_000,
  diff: 60_000,
  openPull: 120_000,
  merge: 600_000,
  review: 30_000,
  check: 30_000,
} as const
export type Asked = keyof typeof PATIENCE_MS

/** Has a verb answered by another host. @throws OrchError E_HOST_GONE, E_TIMEOUT, E_STORE_DOWN, and what the other host throws */
export type AskHost = <N extends Asked>(host: string, verb: N, input: Checked<N>) => Promise<Answer<N>>

export function askerOf(exchange: Exchange): AskHost {
  return async (host, verb, input) => {
    const shape: Shape = routes[verb]
    const answer = shape.answer.safeParse(await exchange.call(host, { verb, input }, PATIENCE_MS[verb]))
    if (answer.success) return answer.data as never
    throw new OrchError(
      'E_STATE',
      `${host} answers (${verb}) what this version of Orch does not understand`,
      {
        cause: answer.error,
        fix: 'Have the same version of Orch on all hosts; `orch hosts` shows which they have.',
      },
    )
  }
}

/** Nobody answers there. It may have done what it was asked. */
export const isAway = (error: unknown): boolean =>
  ['E_HOST_GONE', 'E_TIMEOUT'].includes(toOrchError(error).code)

/**
 * Carries out what other hosts ask of this one, with its own handlers (it never asks on), until the function that it gives is
 * called. Nothing to do where there are no other hosts.
 */
export async function answerHosts(handlers: Handlers, parts: Parts): Promise<() => Promise<void>> {
  const { store, host, log } = parts
  if (!store.exchange) return async () => {}
  return await store.exchange.answer(host, async (call) => {
    try {
      return { value: await carryOut(handlers, parts, call) }
    } catch (error) {
      return { error: known(error, { verb: call.verb, forHost: true }, log).toBody() } satisfies HostAnswer
    }
  })
}

async function carryOut(
  handlers: Handlers,
  { carrying }: Parts,
  { verb, input }: HostCall,
): Promise<unknown> {
  if (carrying && verb.startsWith('repository.')) return await carrying.answer(verb, input)
  if (!Object.hasOwn(PATIENCE_MS, verb))
    throw new OrchError('E_NOT_FOUND', 'hosts do not ask this of each other')
  const name = verb as Asked
  const handler = handlers[name] as (input: unknown) => Promise<unknown>
  return await handler(checkInput(routes[name], (input ?? {}) as Parameters<typeof checkInput>[1]))
}
