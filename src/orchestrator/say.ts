import type { Driver } from '../agent/agent.ts'
import { OrchError } from '../errors.ts'
import type { NewEvent } from '../journal/journal.ts'
import type { Attempt, Task } from '../task/task.ts'
import { conversationOf, driverOf } from './driver-choice.ts'
import type { Hearing, Word } from './hearing.ts'
import type { Parts } from './parts.ts'
import { eventOf } from './stop.ts'

/** An agent that people can speak to right now. */
interface Listener {
  task: Task
  attempt: Attempt
  driver: Driver
  hearing: Hearing
}

/**
 * A word of a person to a running agent. When the promise resolves the agent will read it, at once or when its turn ends:
 * its attempt does not end before. @throws OrchError E_CANNOT_HEAR, E_STATE
 */
export async function say(parts: Parts, { id }: Task, text: string): Promise<void> {
  const listener = await listenerOf(parts, id)
  await speak(parts, listener, text)
  listener.hearing.wake()
}

/**
 * Ends the turn of a running agent, not its attempt. It goes on with `text` or with the next word; until there is one the
 * task waits for input. @throws OrchError E_CANNOT_HEAR, E_STATE
 */
export async function interrupt(parts: Parts, { id }: Task, text?: string): Promise<void> {
  const listener = await listenerOf(parts, id)
  const { attempt, driver, hearing, task } = listener
  if (task.waitingFor === 'quota')
    throw new OrchError('E_STATE', `${id} waits for its quota: no turn is under way`)
  const words = hearing.words.length
  hearing.interruptedAt = words
  await parts.store.journal.append([{ ...eventOf(parts, attempt, 'agent.interrupted'), data: { words } }])
  const { state } = await parts.directories.status(attempt.agent)
  if (driver.interrupt && !task.spec.interactive && state === 'running')
    await parts.directories.send(attempt.agent, driver.interrupt({ session: attempt.session }))
  else await parts.directories.stop(attempt.agent, parts.config.graceSeconds * 1_000)
  if (text !== undefined) await speak(parts, listener, text)
  hearing.wake()
}

async function listenerOf(parts: Parts, id: Task['id']): Promise<Listener> {
  const attempt = (await parts.store.tasks.attempts(id)).at(-1)
  const hearing = attempt && (await parts.hearings.of(attempt))
  const task = await parts.store.tasks.get(id)
  if (!task) throw new OrchError('E_NOT_FOUND', `there is no task ${id}`)
  const driver = driverOf(parts, task, attempt)
  if (conversationOf(driver, task) === 'none')
    throw new OrchError('E_CANNOT_HEAR', `an agent of the kind ${driver.name} cannot be spoken to`)
  const listens = task.epoch === attempt?.epoch && (task.state === 'working' || task.state === 'waiting')
  if (!hearing || hearing.over || !listens)
    throw new OrchError('E_STATE', `${id} is ${hearing?.over ? 'at its end' : task.state}: nobody listens`)
  return { task, attempt, driver, hearing }
}

/** The word counts as said at once, so that the attempt cannot end meanwhile; it is taken back when it cannot be kept. */
async function speak(
  parts: Parts,
  { task, attempt, driver, hearing }: Listener,
  text: string,
): Promise<void> {
  const word: Word = { id: parts.ids.uuid(), text }
  hearing.words.push(word)
  try {
    if (conversationOf(driver, task) === 'live') await write(parts, attempt, driver, word)
    await parts.store.journal.append([said(parts, attempt, word)])
  } catch (error) {
    hearing.words.splice(hearing.words.indexOf(word), 1)
    throw error
  }
}

/** To a program that is between two processes (a quota pause) the word comes with the next one's prompt. */
async function write(parts: Parts, attempt: Attempt, driver: Driver, { id, text }: Word): Promise<void> {
  const { state } = await parts.directories.status(attempt.agent)
  if (state === 'exited') return
  await parts.directories.send(attempt.agent, driver.say(text, { session: attempt.session, id }))
}

function said(parts: Parts, attempt: Attempt, word: Word): NewEvent {
  return { ...eventOf(parts, attempt, 'agent.said'), data: { ...word } }
}
