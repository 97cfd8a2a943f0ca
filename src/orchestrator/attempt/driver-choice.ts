import type { Driver } from '../../agent/agent.ts'
import { OrchError, toOrchError } from '../../errors.ts'
import type { Profile } from '../../profile/profile.ts'
import type { Attempt, Task } from '../../task/task.ts'
import { admittedDriver } from '../breakers.ts'
import type { Parts } from '../parts.ts'

/** Why an attempt failed by no fault of the work: another agent program may do better. */
const NOT_THE_WORK = new Set(['api-error', 'quota', 'login-refused', 'E_NO_AGENT'])

/** The driver of an attempt. @throws OrchError E_NO_AGENT when no such driver is built in. */
export function driverOf(parts: Pick<Parts, 'drivers'>, task: Task, attempt?: Attempt): Driver {
  return named(parts, attempt?.driver ?? task.spec.driver)
}

function named({ drivers }: Pick<Parts, 'drivers'>, name: string): Driver {
  const driver = drivers.get(name)
  if (driver) return driver
  throw new OrchError('E_NO_AGENT', `there is no driver ${name}; there are ${[...drivers.keys()].join(', ')}`)
}

/** How people speak to it: into a terminal interface nothing is ever typed, so that words wait for the turn's end. */
export function conversationOf(driver: Driver, { spec }: Task): Driver['conversation'] {
  return spec.interactive ? 'processes' : driver.conversation
}

/**
 * The driver for an attempt that begins: what was asked for, or after each failure that was not the work's, the next of
 * the profile's fallbacks that is installed.
 */
export async function chooseDriver(
  parts: Parts,
  task: Task,
  attempt: Attempt,
  profile: Profile,
): Promise<Driver> {
  if (attempt.driver) return named(parts, attempt.driver)
  const choices = await choicesOf(parts, task, profile)
  const failures = (await parts.store.tasks.attempts(task.id)).filter(
    ({ epoch, reason }) => epoch < attempt.epoch && reason && NOT_THE_WORK.has(reason.code),
  )
  const first = failures.length % choices.length
  return named(parts, admittedDriver(parts, attempt, [...choices.slice(first), ...choices.slice(0, first)]))
}

/** Whether the failure of this attempt is not the work's and another program has not failed yet. */
export async function hasFallback(parts: Parts, task: Task, code: string): Promise<boolean> {
  if (!NOT_THE_WORK.has(code)) return false
  const profile = await parts.profiles.find(task.spec.repo, task.spec.profile).catch(unusable)
  if (!profile) return false
  const choices = await choicesOf(parts, task, profile)
  const attempts = await parts.store.tasks.attempts(task.id)
  const begun = attempts.filter(({ outcome }) => outcome !== 'postponed')
  const tried = new Set(begun.map(({ driver }) => driver ?? task.spec.driver))
  return choices.some((name) => !tried.has(name))
}

/** It was changed since the attempt began: its end must not wait for that. */
function unusable(error: unknown): undefined {
  if (!['E_INVALID', 'E_CONFIG'].includes(toOrchError(error).code)) throw error
}

async function choicesOf({ drivers }: Parts, { spec }: Task, { fallback }: Profile): Promise<string[]> {
  const own = drivers.get(spec.driver)
  if (own?.takesProgram) return [spec.driver]
  const others: string[] = []
  for (const name of fallback) {
    const driver = drivers.get(name)
    if (name === spec.driver || !driver || driver.takesProgram) continue
    if (spec.interactive && !driver.interactive) continue
    if (await driver.detect()) others.push(name)
  }
  return [spec.driver, ...others]
}
