import type { OutputReader } from '../../agent/agent.ts'
import type { Message } from '../../message/message.ts'
import { messageText } from '../../message/prompt.ts'
import type { AttemptStatus } from '../../runtime/runtime.ts'
import { driverOf } from '../attempt/driver-choice.ts'
import type { Held } from '../attempt/held.ts'
import { tell } from '../attempt/mail.ts'
import { countAsRead } from '../bus/count-as-read.ts'
import { namesOf } from '../bus/names.ts'
import type { Hearing, Word } from './hearing.ts'

/**
 * What waits for an agent in its own terminal interface is on offer, while its turn is under way, to its hook for the turn's
 * end, which hands it over: the agent goes on in the same process. What no hook has taken comes with the next prompt.
 */

/** An attempt as it is followed, as far as it is needed here. */
export interface Offered {
  held: Held
  hearing: Hearing
  reader: Pick<OutputReader, 'heard' | 'taken'>
  feed: { session(): string | undefined; turn(): number }
}

/** How long a hook may be at work, in ms: what it has taken and has not told by then, nobody has read. */
const HOOK_MS = 10_000

/**
 * Keeps what is on offer in step with what waits: `words`, and messages that no tool has given. What a hook has taken of
 * these becomes a word and counts as read in the mailbox. To be called at each look; it does nothing for other agents.
 */
export async function tendOffers(
  watch: Offered,
  status: AttemptStatus,
  words: readonly Word[],
): Promise<void> {
  const { held, hearing, feed } = watch
  const most = mostOffered(held)
  if (most === 0) return
  await noteTaken(watch)
  const session = feed.session()
  const works = status.state === 'running' && feed.turn() === status.turn && !hearing.interrupt
  if (!works || session === undefined) return
  const waiting = [...words.filter(({ fresh }) => !fresh), ...(await mail(watch, words.length > 0))]
  const left = waiting.filter(({ id }) => !watch.reader.taken?.().has(id))
  await held.parts.directories.offer(held.attempt.agent, { session, words: fitting(left, most) })
}

/**
 * Takes back what is on offer, before a new process gets it as its prompt. True when a hook has just taken some of it and has
 * not told yet: then the program goes on by itself, and is to be looked at again instead.
 */
export async function takeOffersBack({ held, reader }: Offered, status: AttemptStatus): Promise<boolean> {
  const { parts, attempt } = held
  if (mostOffered(held) === 0 || status.state !== 'running') return false
  const taken = await parts.directories.offer(attempt.agent, { session: '', words: [] })
  const now = parts.clock.now()
  return [...taken].some(([id, at]) => !reader.taken?.().has(id) && now - at < HOOK_MS)
}

/** How many bytes the hook of this attempt's program may hand over at once; 0 when it has none. */
function mostOffered({ parts, task, attempt }: Held): number {
  return task.spec.interactive ? (driverOf(parts, task, attempt).interactive?.mostOffered ?? 0) : 0
}

/** Messages that hooks have taken: from now on they are words, which a new process would be given if this one had not read them. */
async function noteTaken({ held, hearing, reader }: Offered): Promise<void> {
  const { parts, task } = held
  const taken = new Set([...(reader.taken?.() ?? []), ...(reader.heard?.() ?? [])])
  const isNew = (id: string) => taken.has(id) && !hearing.words.some((word) => word.id === id)
  if (![...taken].some(isNew)) return
  await hearing.alone(async () => {
    for (const id of [...taken].filter(isNew)) {
      const delivery = await parts.store.mailboxes.get(id)
      if (delivery?.message.to !== task.id) continue
      await tell(held, hearing, delivery)
      if (delivery.state === 'waiting') await countAsRead(parts, held, [id])
    }
  })
}

/** Messages that wait, as words. Copies of what went to many come along with others: they keep nobody going by themselves. */
async function mail({ held, hearing }: Offered, hasWords: boolean): Promise<Word[]> {
  const { parts, task } = held
  const { mailboxes } = parts.store
  if (hearing.asking > 0) return [] // a tool waits for them
  const { direct, copies } = await mailboxes.waiting(task.id)
  if (direct + (hasWords ? copies : 0) === 0) return []
  const known = new Set([...hearing.words.map(({ id }) => id), ...hearing.given, task.spec.origin?.message])
  const waiting = await mailboxes.history({ mailbox: task.id, states: ['waiting'] })
  const now = parts.clock.now()
  const heldUp = new Set<string>()
  const messages = waiting.flatMap(({ message, notBefore = 0 }) => {
    if (message.to !== task.id) return []
    if (notBefore > now) heldUp.add(message.from) // later ones of this sender wait behind it
    return heldUp.has(message.from) || known.has(message.id) ? [] : [message]
  })
  const isWorthIt = hasWords || messages.some(({ audience }) => !audience)
  return isWorthIt ? await asWords(held, messages) : []
}

async function asWords({ parts }: Held, messages: readonly Message[]): Promise<Word[]> {
  const names = await namesOf(parts, messages)
  return messages.map((message) => ({
    id: message.id,
    text: messageText(message, names),
    message: true,
  }))
}

/** From the first on, as many as may be handed over at once. A blank one is none to some programs. */
function fitting(words: readonly Word[], most: number): Word[] {
  let bytes = 0
  const end = words.findIndex(({ text }) => {
    bytes += Buffer.byteLength(text) + 2
    return bytes > most || text.trim() === ''
  })
  return end < 0 ? [...words] : words.slice(0, end)
}
