import type { MessageRow } from './rows.ts'

/**
 * Readers that wait. A reader of an empty mailbox holds a hand out (lua/mail-read.ts): the next message is leased to it by the
 * script that sends it, and comes by the channel of its store: one way through Redis, where a bell and a lease take two. What
 * is lost on that way is found again: the mailbox knows whose hand got which message (`handed`).
 */
export interface Hands {
  /** Of this store; what is published there goes to `heard`. */
  channel: string
  heard(text: string): void
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

/** `place`: what the names of all channels of this cluster and database begin with. */
export function createHands(place: string): Hands {
  const channel = `${place}:${crypto.randomUUID()}`
  const held = new Map<string, Held>()
  let last = 0
  return {
    channel,
    heard(text) {
      const end = text.indexOf(' ')
      held.get(text.slice(0, end))?.wake(JSON.parse(text.slice(end)) as MessageRow)
    },
    rung(names) {
      for (const { mailbox, wake } of held.values()) if (names?.has(mailbox) !== false) wake()
    },
    hold(mailbox) {
      last += 1
      const token = `${channel}:${last}`
      const { promise: woken, resolve: wake } = Promise.withResolvers<MessageRow | undefined>()
      held.set(token, { mailbox, wake })
      return { token, woken, wake: () => wake(undefined), release: () => void held.delete(token) }
    },
  }
}
