import type { BreakerView } from '../breaker.ts'
import { sayOutOfOrder } from '../breakers.ts'
import { toOrchError } from '../errors.ts'
import type { AgentEvent } from '../journal/journal.ts'
import type { Attempt, Reason } from '../task/task.ts'
import { type Failure, isStale } from './attempt/failure.ts'
import type { Held } from './attempt/held.ts'
import type { Parts } from './parts.ts'

/**
 * Agent programs behind their breakers. A service that is out of order costs a few attempts; then tasks are put off until
 * one of them, the trial, has found that it works. Forges and MCP servers have theirs in their adapters: what an attempt
 * meets of them comes as an error.
 */

/** Why an attempt ended by the fault of its program's service. A quota is a pause and no fault. */
const FAULTS = new Set(['api-error', 'login-refused', 'E_NO_AGENT'])

type Place = Pick<Attempt, 'taskId' | 'epoch'>
const holderOf = ({ taskId, epoch }: Place): string => `${taskId}#${epoch}`

export const driverBreaker = (driver: string): string => `driver ${driver}`

/** Programs that tasks name themselves have nothing in common, so nothing is concluded from one for another. */
function breakerOf({ breakers, drivers }: Pick<Parts, 'breakers' | 'drivers'>, driver: string) {
  const known = drivers.get(driver)
  return known && !known.takesProgram ? breakers.of(driverBreaker(driver)) : undefined
}

/** The attempt cannot begin yet. */
export interface Delay {
  reason: Reason
  /** ms since the epoch. */
  retryAt: number
}

class OutOfOrder extends Error implements Delay {
  readonly reason: Reason
  readonly retryAt: number
  constructor(view: BreakerView, retryAt: number) {
    const { why, fix } = sayOutOfOrder(view)
    super(`${view.name} is out of order: ${why}`)
    this.reason = { code: 'out-of-order', message: `${this.message}\n${fix}` }
    this.retryAt = retryAt
  }
}

/**
 * The first of these drivers that its breaker lets the attempt through to.
 * @throws what `delayOf` reads, when all are out of order
 */
export function admittedDriver(parts: Parts, attempt: Attempt, choices: readonly string[]): string {
  const closed = choices.find((name) => breakerOf(parts, name)?.admits(holderOf(attempt)) ?? true)
  if (closed !== undefined) return closed
  const fraction = parts.ids.fraction()
  const refused = choices
    .map((name) => parts.breakers.of(driverBreaker(name)))
    .map((breaker) => new OutOfOrder(breaker.view(), breaker.askAgainAt(fraction)))
  throw refused.reduce((first, it) => (it.retryAt < first.retryAt ? it : first))
}

/** Another host may take the task soon: the one that could not get its repository passes over it. */
const AWAY_MS = 1_000

/**
 * Whether an attempt failed to begin because a breaker is open (of its drivers, its forge or one of its MCP servers), or
 * because its repository is on another host.
 */
export function delayOf({ ids, config, clock }: Parts, thrown: unknown): Delay | undefined {
  if (thrown instanceof OutOfOrder) return thrown
  const { code, message, fix, details } = toOrchError(thrown)
  if (code === 'E_REPOSITORY_AWAY')
    return { reason: { code, message: `${message}\n${fix}` }, retryAt: clock.now() + AWAY_MS }
  if (details?.breaker === undefined || typeof details.until !== 'number') return undefined
  const spread = config.breakerSeconds * 500 * ids.fraction()
  return { reason: { code, message: `${message}\n${fix}` }, retryAt: Math.round(details.until + spread) }
}

/** leased ─▶ queued: the attempt has not begun, and no try is used up. */
export async function putOff({ parts, task, fence }: Held, delay: Delay): Promise<void> {
  parts.log.info('attempt put off', { task: task.id, ...delay })
  try {
    await parts.store.tasks.postpone(fence, parts.clock.now(), delay)
  } catch (error) {
    if (!isStale(error)) throw error
  }
}

/**
 * Counts how an attempt failed against its driver's breaker, and gives the failure as it is to be taken: who made the trial
 * of a service that is still out of order has lost the attempt by no fault of the work.
 */
export async function countFailure(
  { parts, task, attempt }: Held,
  failure: Failure & { cause?: unknown },
): Promise<Failure> {
  const { code, message } = failure.reason
  const breaker =
    attempt.driver === undefined && code !== 'E_NO_AGENT'
      ? undefined
      : breakerOf(parts, attempt.driver ?? task.spec.driver)
  const outcome = FAULTS.has(code) ? { fault: message } : 'nothing'
  const wasTrial = (await breaker?.note(holderOf(attempt), outcome)) ?? false
  const ofOthers = toOrchError(failure.cause).details?.breaker !== undefined
  const { reason } = failure
  if (ofOthers || (wasTrial && outcome !== 'nothing')) return { reason, final: false, lost: true }
  return failure
}

/** The agent is done, so its program works. */
export async function countSuccess({ parts, task, attempt }: Held): Promise<void> {
  await breakerOf(parts, attempt.driver ?? task.spec.driver)?.note(holderOf(attempt), 'ok')
}

/** What only an answer of the service leads to. A trial must not last as long as the work does. */
const isSign = (event: AgentEvent): boolean =>
  event.type === 'tool.called' ||
  event.type === 'quota.hit' ||
  (event.type === 'waiting' && event.for === 'permission') ||
  (event.type === 'turn.ended' && event.ok)

export async function countSigns(held: Held, events: readonly AgentEvent[]): Promise<void> {
  if (events.some(isSign)) await countSuccess(held)
}

/** An attempt that this process lets go of makes no trial any more. */
export async function leaveBreakers(parts: Parts, place: Place): Promise<void> {
  for (const driver of parts.drivers.keys()) await breakerOf(parts, driver)?.note(holderOf(place), 'nothing')
}
