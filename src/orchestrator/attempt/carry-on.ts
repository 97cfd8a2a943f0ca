import type { Outcome } from '../../agent/agent.ts'
import { toOrchError } from '../../errors.ts'
import type { AttemptStatus } from '../../runtime/runtime.ts'
import { leaveBreakers } from '../breakers.ts'
import { givenBefore, unheard, type Word } from '../conversation/hearing.ts'
import { carryOutNoted, insist } from '../conversation/interrupt.ts'
import { takeOffersBack, tendOffers } from '../conversation/offers.ts'
import { conversationOf, driverOf, hasFallback } from './driver-choice.ts'
import { AttemptFailed } from './failure.ts'
import { type Cause, goOn } from './go-on.ts'
import { takeCritical } from './mail.ts'
import { stopAgent } from './stop.ts'
import { unfinished } from './unfinished.ts'
import type { Watch } from './watch.ts'

/** How long a quota is waited for that does not say when it comes back, in ms. */
const QUOTA_PAUSE_MS = 5 * 60_000
/** How long at least when the process after a pause has met the quota again: what was said of its return was wrong. */
const QUOTA_AGAIN_MS = 60_000

/**
 * What follows from what an agent's turn came to: nothing yet, a pause, a further turn, or the end of the stage. Gives
 * whether this stage is over (reported, or a new process is to be followed anew). @throws AttemptFailed
 */
export async function carryOn(watch: Watch, status: AttemptStatus, outcome?: Outcome): Promise<boolean> {
  const { hearing, place } = watch
  const words = unread(watch, status)
  forgetInterrupt(watch, status, words)
  await tendOffers(watch, status, words)
  const { parts, task, attempt } = watch.held
  const agent = { task, attempt, driver: driverOf(parts, task, attempt), hearing }
  if (hearing.interrupt && !hearing.interrupt.done) {
    await carryOutNoted(parts, agent)
    return false
  }
  if (place.waitingFor === 'quota' || outcome?.kind === 'quota') return await pause(watch, status, outcome)
  if (!outcome) {
    await insist(parts, agent, status)
    await showAsking(watch)
    return false
  }
  // A person before the screen of a terminal interface has taken over: its agent is done when the person has left.
  if (task.spec.interactive && !status.exit && watch.spectators.present()) return await waitForPerson(watch)
  if (outcome.kind === 'failed' && !hearing.interrupt) throw failure(outcome)
  if (words.length > 0) return await give(watch, status, words)
  if (hearing.interrupt) return await afterInterrupt(watch, status)
  const left = await unfinished(watch)
  if (left === 'mail') return await give(watch, status, unread(watch, status))
  if (left === 'wait') return await waitForMessage(watch)
  // What a person has done meanwhile is looked at first.
  if (hearing.interrupt || unread(watch, status).length > 0) return false
  hearing.over = true
  await report(watch, outcome.kind === 'reported' ? outcome.summary : '')
  return true
}

/** A person's word is waited for; whom a message has interrupted goes on with that. */
async function afterInterrupt(watch: Watch, status: AttemptStatus): Promise<boolean> {
  const { held, hearing } = watch
  if (!hearing.interrupt?.message) return await waitForPerson(watch)
  await takeCritical(held, hearing, hearing.interrupt)
  const words = unread(watch, status)
  return words.length > 0 && (await give(watch, status, words))
}

/** That may take days: no other task waits so long for what this one finds out of its program's service. */
async function waitForPerson({ held, place }: Watch): Promise<false> {
  await place.wait('input')
  await leaveBreakers(held.parts, held.attempt)
  return false
}

/** Nothing is asked of its program meanwhile, and it holds no place among the agents at work. */
async function waitForMessage({ place }: Watch): Promise<false> {
  await place.wait('message')
  return false
}

/** An agent in the middle of its turn waits while a tool of ours waits for it, and works again when that has answered. */
async function showAsking({ hearing, place }: Watch): Promise<void> {
  if (hearing.asking > 0 && place.waitingFor === undefined) await place.wait('message')
  if (hearing.asking === 0 && place.waitingFor === 'message') await place.work()
}

const failure = ({ reason, final }: Extract<Outcome, { kind: 'failed' }>) =>
  new AttemptFailed(reason.code, reason.message, { final, lost: reason.code === 'session-gone' })

/** Words that were neither in a prompt nor heard: that wait for an agent. */
function unread({ held, hearing, reader }: Watch, status: AttemptStatus, given = status.words): Word[] {
  const tells = conversationOf(driverOf(held.parts, held.task, held.attempt), held.task) === 'live'
  return unheard(hearing, given, reader.heard?.(), tells)
}

/** An interrupt is over when a new process has gone on, or a word that was said after it has been heard. */
function forgetInterrupt({ hearing }: Watch, { turn }: AttemptStatus, left: readonly Word[]): void {
  const { interrupt } = hearing
  if (!interrupt) return
  const next = hearing.words[interrupt.words]
  if (turn > interrupt.turn || (next && !left.includes(next))) delete hearing.interrupt
}

/** Words that wait at the end of a turn: on the standard input of a program that is still there, or as a new process's prompt. */
async function give(watch: Watch, status: AttemptStatus, words: readonly Word[]): Promise<boolean> {
  const { parts, task, attempt } = watch.held
  const conversation = conversationOf(driverOf(parts, task, attempt), task)
  if (status.exit || (conversation === 'processes' && hasEnded(watch))) return await further(watch, 'word')
  if (conversation === 'turns') {
    await put(watch, words.slice(0, 1))
    await watch.place.work()
  }
  // Those that were said while this process was about to start.
  if (conversation === 'live') await put(watch, words)
  return false
}

/** Each is put on the standard input once, by whoever does it. A program that has just ended is seen at the next look. */
async function put({ held, feed }: Watch, words: readonly Word[]): Promise<void> {
  const { parts, task, attempt } = held
  const driver = driverOf(parts, task, attempt)
  try {
    for (const { id, text } of words) {
      const bytes = driver.say(text, { session: feed.session(), id })
      await parts.directories.reply(attempt.agent, { id, text: bytes, once: true })
    }
  } catch (error) {
    if (toOrchError(error).code !== 'E_CANNOT_HEAR') throw error
  }
}

/** How long a program may take to end after its turn (it saves its session), in ms. */
const ENDING_MS = 5_000

/** A terminal interface stays when its turn has ended: it is started anew with the words, never typed into. */
const hasEnded = ({ held: { parts, task }, feed }: Watch): boolean =>
  task.spec.interactive === true || parts.clock.now() - feed.lastAt() > ENDING_MS

/** A quota pause: the processes end, the task waits, then a new process goes on. It uses up no try. */
async function pause(watch: Watch, status: AttemptStatus, outcome?: Outcome): Promise<boolean> {
  const { held, place, hearing } = watch
  const { parts, task, attempt } = held
  const goesOn = !outcome && status.state !== 'exited'
  if (place.waitingFor === 'quota' && (goesOn || status.turn > (hearing.pausedTurn ?? status.turn))) {
    await place.work() // the daemon was killed after it had started the next process, which may be done by now
    return goesOn ? false : await carryOn(watch, status, outcome)
  }
  if (place.waitingFor !== 'quota') {
    const now = parts.clock.now()
    const { resetAt = now + QUOTA_PAUSE_MS, message } = quotaOf(outcome)
    const isAgain = hearing.pausedTurn === status.turn - 1
    if (await hasFallback(parts, task, 'quota')) throw new AttemptFailed('quota', message, { lost: true })
    hearing.pausedTurn = status.turn
    await place.wait('quota', isAgain ? Math.max(resetAt, now + QUOTA_AGAIN_MS) : resetAt)
  }
  if (status.state !== 'exited') await stopAgent(parts, task, attempt.agent)
  if (parts.clock.now() < (place.resetAt ?? 0)) return false
  return await further(watch, 'quota')
}

const quotaOf = (outcome?: Outcome): { resetAt?: number; message: string } =>
  outcome?.kind === 'quota' ? outcome : { message: 'the quota is used up' }

/** What a person does meanwhile waits; what was said until then is in the prompt. */
async function further(watch: Watch, cause: Cause): Promise<boolean> {
  const { held, hearing, feed, reader } = watch
  const { parts, attempt, signal } = held
  return await hearing.alone(async () => {
    if (signal.aborted) return true
    const status = await parts.directories.status(attempt.agent)
    if (await takeOffersBack(watch, status)) return false // a hook has just taken them: the program goes on by itself
    // A process that was ended before its turn began has not read its prompt.
    const isHeard = feed.turn() === status.turn
    const hasRead = isHeard && (feed.hasBegun() || reader.outcome()?.kind === 'reported')
    const before = hasRead ? status.words : givenBefore(hearing, status)
    const words = unread(watch, status, before)
    const session = feed.session()
    await goOn(held, { cause, turn: status.turn + 1, words, before, hearing, session })
    await watch.place.work()
    return true
  })
}

/** The agent's own last word (`complete_task`) is its summary, or its giving up. */
async function report({ held }: Watch, summary: string): Promise<void> {
  const { parts, task, attempt, fence } = held
  const now = (await parts.store.tasks.attempts(task.id)).find(({ epoch }) => epoch === attempt.epoch)
  if (now?.word?.done === false) throw new AttemptFailed('gave-up', now.word.summary)
  await parts.store.tasks.report(fence, parts.clock.now(), { summary: now?.word?.summary ?? summary })
}
