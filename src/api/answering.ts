import { randomUUID } from 'node:crypto'
import { OrchError, toOrchError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Handlers, type RouteName, routes, type Shape } from './contract.ts'

/** What HTTP and lines have in common: a verb is answered by its handler, and what went wrong is told in one way. */

export interface Answering {
  handlers: Handlers
  log: Log
  /** Ends the event streams and what waits: the daemon stops. */
  ending?: AbortSignal
  /** Checks every answer against its schema too. For tests: what fails here is a bug of ours. */
  checkAnswers?: boolean
}

/** `gone` is asked for by verbs that wait only. @throws what the handler throws */
export async function answerVerb(
  { handlers, ending, checkAnswers }: Answering,
  name: RouteName,
  input: unknown,
  gone: () => AbortSignal,
): Promise<unknown> {
  const shape: Shape = routes[name]
  const handler = handlers[name] as (input: unknown, gone?: AbortSignal) => Promise<unknown>
  const signal = shape.waits && AbortSignal.any([gone(), ...(ending ? [ending] : [])])
  const answer = await handler(input, signal)
  return checkAnswers ? shape.answer.parse(answer) : answer
}

/** The error of an answer. What Orch did not throw itself is told by an id only: the log has the rest. */
export function known(thrown: unknown, where: Record<string, unknown>, log: Log): OrchError {
  const error = toOrchError(thrown)
  if (error.code !== 'E_INTERNAL') {
    if (error.http >= 500) log.warn('request failed', { ...where, error })
    return error
  }
  const id = randomUUID()
  log.error('unexpected error', { id, ...where, error: thrown })
  return new OrchError('E_INTERNAL', `something unexpected happened; the central log has it as ${id}`, {
    details: { id },
  })
}
