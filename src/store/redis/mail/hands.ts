import type { Redis } from 'ioredis'
import { answered, pause } from '../connection/blocking.ts'
import type { Closing, RedisTools } from '../tools.ts'
import { fieldsOf, type MessageRow } from './rows.ts'

/**
 * Readers that wait. A reader of an empty mailbox holds a hand out (lua/mail-read.ts): the next message is leased to it by the
 * script that sends it, and comes by a list that its store waits at: one way through Redis, where a bell and a lease take two.
 * Redis answers who waits at a list even before it answers the sender; what is published it writes last. What is lost on
 * that way is found again: the mailbox knows whose hand got which message (`handed`).
 */
export interface Hands extends Closing {
  /** Key of the list of this store; it listens on the channel of that name as long as it is there. */
  list: string
  /** Something else happened in these mailboxes; undefined: in any of them, perhaps. */
  rung(names?: ReadonlySet<string>): void
  hold(mailbox: string): Hand
}

export interface Hand {
  token: string
  /** With the message that was put into it, or without one: something else happened. */
  woken: Promise<MessageRow | undefined>
  wake(): void
  /** Nobody waits here any more. */
  release(): void
}

interface Held {
  mailbox: string
  wake(row?: MessageRow): void
}

const BLOCK_SECONDS = 2

/**
 * `giveUp`: puts a message back that came for a hand that nobody holds out any more (a lease that Redis carried out when its
 * caller had given up), unless its reader has found it.
 */
export function createHands(
  { connection, prefix, log }: RedisTools,
  giveUp: (order: { mailbox: string; token: string }) => Promise<unknown>,
): Hands {
  const list = `${prefix}hand:${crypto.randomUUID()}`
  const held = new Map<string, Held>()
  const closing = new AbortController()
  let last = 0
  let own: Redis | undefined
  let loop: Promise<void> | undefined

  const rung: Hands['rung'] = (names) => {
    for (const { mailbox, wake } of held.values()) if (names?.has(mailbox) !== false) wake()
  }
  const heard = (text: string) => {
    const end = text.indexOf(' ')
    const token = text.slice(0, end)
    const row = JSON.parse(text.slice(end)) as MessageRow
    const hand = held.get(token)
    if (hand) return hand.wake(row)
    const { b: mailbox = '' } = fieldsOf(row[0])
    giveUp({ mailbox, token }).catch((error) => log.debug('a message stays leased to nobody', { error }))
  }
  async function listen(redis: Redis): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        const found = await answered(redis, closing.signal, () => redis.blpop(list, BLOCK_SECONDS))
        if (!found) continue
        heard(found[1])
        await new Promise(setImmediate) // who has waited goes first
      } catch (error) {
        if (!closing.signal.aborted) log.debug('messages for who waits are not heard yet', { error })
        await pause(closing.signal)
        rung()
      }
    }
  }

  return {
    list,
    rung,
    hold(mailbox) {
      own ??= connection.another('hands', 'takes')
      loop ??= listen(own)
      last += 1
      const token = `${list}:${last}`
      const { promise: woken, resolve: wake } = Promise.withResolvers<MessageRow | undefined>()
      held.set(token, { mailbox, wake })
      return { token, woken, wake: () => wake(undefined), release: () => void held.delete(token) }
    },
    async close() {
      closing.abort()
      rung()
      own?.disconnect()
      await loop
    },
  }
}
