import { type Delivery, type RetryPolicy, retryAt } from '../../../message/delivery.ts'
import type { Mailboxes } from '../../mailboxes.ts'
import { MAIL_BASE, MAIL_BURY, MAIL_CLOSE, MAIL_READER } from '../lua/mail-base.ts'
import { ACKNOWLEDGE, GIVE_UP, LEASE, WITHDRAW } from '../lua/mail-read.ts'
import { EXPIRE, GIVE_BACK } from '../lua/mail-return.ts'
import type { Scripts } from '../script/script.ts'
import type { Hands } from './hands.ts'
import { type MessageRow, toDelivery } from './rows.ts'

/** Puts back into the mailbox what came for a hand that is gone. */
export const defineGiveUp = ({ define }: Scripts) =>
  define<{ mailbox: string; token: string }, undefined>('mailGiveUp', [MAIL_BASE], GIVE_UP, {
    evenWhenFull: true,
  })

interface Reader {
  mailbox: string
  reader: string
  now: number
}
/** When one that came back so many times may be given again; the last has had all its tries. */
interface Tries {
  tries: number
  times: string[]
}
type Reading = Pick<Mailboxes, 'lease' | 'acknowledge' | 'giveBack' | 'expire'>

/** What takes messages out of mailboxes. Done also when Redis is full: else nothing would ever be freed. */
export function createReading({ define }: Scripts, hands: Hands): Reading {
  const small = { evenWhenFull: true } as const
  type Leasing = Reader & {
    until: number
    limit: number
    again: boolean
    ids?: readonly string[]
    hand?: string
  }
  /** Undefined: the hand is held out. A number: where the rest to acknowledge begins. */
  const lease = define<Leasing, MessageRow[] | number | undefined>(
    'mailLease',
    [MAIL_BASE, MAIL_READER],
    LEASE,
    small,
  )
  type Withdrawing = { mailbox: string; token: string }
  const withdraw = define<Withdrawing, MessageRow | undefined>('mailWithdraw', [MAIL_BASE], WITHDRAW, small)
  type Acknowledging = Reader & { ids: readonly string[]; after?: number }
  const acknowledge = define<Acknowledging, number | undefined>(
    'mailAcknowledge',
    [MAIL_BASE, MAIL_READER],
    ACKNOWLEDGE,
    small,
  )
  type Returning = Reader & Tries & { ids: readonly string[]; code: string; text: string }
  const giveBack = define<Returning, undefined>(
    'mailGiveBack',
    [MAIL_BASE, MAIL_READER, MAIL_BURY],
    GIVE_BACK,
    small,
  )
  type Expired = { returned: number; buried: number; more: boolean }
  const expire = define<Tries & { now: number }, Expired>(
    'mailExpire',
    [MAIL_BASE, MAIL_BURY, MAIL_CLOSE],
    EXPIRE,
    small,
  )

  const acknowledgeFrom = async (first: number | undefined, order: Acknowledging) => {
    for (let after = first; after !== undefined; ) after = await acknowledge({ ...order, after })
  }

  return {
    async lease({ mailbox, reader, now, leaseMs, limit, again = false, acknowledge: ids = [], wait }) {
      const order = { mailbox, reader, now, until: now + leaseMs, limit, again }
      const take = async (more: Partial<Leasing>): Promise<Delivery[] | undefined> => {
        let found = await lease({ ...order, ...more, ...(ids.length > 0 && { ids }) })
        if (typeof found === 'number') {
          await acknowledgeFrom(found, { mailbox, reader, ids, now })
          found = await lease({ ...order, ...more })
        }
        return (found as MessageRow[] | undefined)?.map((row) => toDelivery(row, now))
      }
      if (!wait || wait.aborted) return (await take({})) ?? []
      const hand = hands.hold(mailbox)
      wait.addEventListener('abort', hand.wake)
      try {
        const found = await take({ hand: `${hand.token} ${leaseMs} ${hands.list}` })
        if (found) return found
        const row = (await hand.woken) ?? (await withdraw({ mailbox, token: hand.token }))
        return row ? [toDelivery(row)] : []
      } finally {
        hand.release()
        wait.removeEventListener('abort', hand.wake)
      }
    },
    async acknowledge({ mailbox, reader, ids, now }) {
      const order = { mailbox, reader, ids, now }
      await acknowledgeFrom(await acknowledge(order), order)
    },
    async giveBack({ mailbox, reader, ids, now, reason, retry }) {
      const code = JSON.stringify(reason.code)
      const text = JSON.stringify(reason.message).slice(1, -1)
      await giveBack({ mailbox, reader, ids, now, code, text, ...triesOf(retry, now) })
    },
    async expire(now, retry) {
      const sum = { returned: 0, buried: 0 }
      for (let more = true; more; ) {
        const piece = await expire({ now, ...triesOf(retry, now) })
        sum.returned += piece.returned
        sum.buried += piece.buried
        more = piece.more
      }
      return sum
    },
  }
}

function triesOf(retry: RetryPolicy, now: number): Tries {
  const times = Array.from({ length: Math.max(0, retry.tries - 1) }, (_, index) =>
    String(retryAt(index + 1, now, retry)),
  )
  return { tries: retry.tries, times }
}
