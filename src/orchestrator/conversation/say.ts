import type { Driver } from '../../agent/agent.ts'
import { OrchError, toOrchError } from '../../errors.ts'
import type { NewEvent } from '../../journal/journal.ts'
import type { Attempt, Task } from '../../task/task.ts'
import { conversationOf, driverOf } from '../attempt/driver-choice.ts'
import { eventOf } from '../attempt/stop.ts'
import type { Parts } from '../parts.ts'
import type { Hearing, Word } from './hearing.ts'
import { endTurn } from './interrupt.ts'

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
  await endTurn(parts, listener)
  if (text !== undefined) await speak(parts, listener, text)
  listener.hearing.wake()
}

/**
 * Messages (their ids) that cannot wait end the turn of a working agent, unless it has been given them; it goes on with what is
 * in its mailbox. @throws as interrupt
 */
export async function interruptFor(
  parts: Parts,
  { id }: Pick<Task, 'id'>,
  messages: readonly string[],
): Promise<void> {
  const listener = await listenerOf(parts, id)
  const { given, words, interrupt: before } = listener.hearing
  const isKnown = (message: string) => given.has(message) || words.some((word) => word.id === message)
  if (before || messages.every(isKnown)) return
  await endTurn(parts, listener, { message: true })
  listener.hearing.wake()
}

async function listenerOf(parts: Parts, id: Task['id']): Promise<Listener> {
  await listening(parts, id) // first: nobody forgets the hearing of an attempt that is over already
  const attempt = (await parts.store.tasks.attempts(id)).at(-1)
  const hearing = attempt && (await parts.hearings.of(attempt))
  const task = await listening(parts, id)
  const driver = hearingDriver(parts, task, attempt)
  if (!hearing || task.epoch !== attempt?.epoch) throw nobodyListens(task)
  return { task, attempt, driver, hearing }
}

/** @throws OrchError E_CANNOT_HEAR */
function hearingDriver(parts: Parts, task: Task, attempt?: Attempt): Driver {
  const driver = driverOf(parts, task, attempt)
  if (conversationOf(driver, task) !== 'none') return driver
  throw new OrchError('E_CANNOT_HEAR', `an agent of the kind ${driver.name} cannot be spoken to`)
}

/** The task, when an agent of it is at work. @throws OrchError E_NOT_FOUND, E_CANNOT_HEAR, E_STATE */
async function listening(parts: Parts, id: Task['id']): Promise<Task> {
  const task = await parts.store.tasks.get(id)
  if (!task) throw new OrchError('E_NOT_FOUND', `there is no task ${id}`)
  hearingDriver(parts, task)
  if (task.state !== 'working' && task.state !== 'waiting') throw nobodyListens(task)
  return task
}

const nobodyListens = ({ id, state }: Task, how: string = state) =>
  new OrchError('E_STATE', `${id} is ${how}: nobody listens`)

function checkOpen({ task, hearing }: Listener): void {
  if (hearing.over) throw nobodyListens(task, 'at its end')
}

/**
 * The word counts as said at once, so that the attempt cannot end meanwhile; it is taken back when it cannot be kept. It is
 * noted before it is written: whoever follows the agent writes it when nobody did, and what is written is noted, too.
 */
async function speak(parts: Parts, listener: Listener, text: string): Promise<void> {
  const { hearing } = listener
  checkOpen(listener)
  const word: Word = { id: parts.ids.uuid(), text, fresh: true }
  hearing.words.push(word)
  await hearing.alone(async () => {
    try {
      checkOpen(listener) // the attempt may have failed while this waited
      if (await hearsNow(parts, listener, word)) word.written = true
      await parts.store.journal.append([said(parts, listener.attempt, word)])
      delete word.fresh
    } catch (error) {
      if (!(await isGiven(parts, listener, word))) hearing.words.splice(hearing.words.indexOf(word), 1)
      throw error
    }
    if (word.written) await write(parts, listener, word)
  })
}

async function isGiven(parts: Parts, { attempt, hearing }: Listener, word: Word): Promise<boolean> {
  const { words } = await parts.directories.status(attempt.agent)
  return hearing.words.indexOf(word) < words
}

/** To a program that is between two processes, or in a quota pause, the word comes with the next one's prompt. */
async function hearsNow(parts: Parts, listener: Listener, word: Word): Promise<boolean> {
  const { task, attempt, driver } = listener
  if (conversationOf(driver, task) !== 'live') return false
  const { state } = await parts.directories.status(attempt.agent)
  const pauses = (await parts.store.tasks.get(task.id))?.waitingFor === 'quota'
  return !pauses && state !== 'exited' && !(await isGiven(parts, listener, word))
}

async function write(parts: Parts, { attempt, driver }: Listener, word: Word): Promise<void> {
  const text = driver.say(word.text, { session: attempt.session, id: word.id })
  try {
    await parts.directories.reply(attempt.agent, { id: word.id, text, once: true })
  } catch (error) {
    if (toOrchError(error).code !== 'E_CANNOT_HEAR') throw error
    delete word.written // it has just ended
  }
}

function said(parts: Parts, attempt: Attempt, word: Word): NewEvent {
  const { fresh: _, ...data } = word
  return { ...eventOf(parts, attempt, 'agent.said'), data }
}
