import type { Mailboxes, MailboxFilter, MailboxOrder } from '../../mailboxes.ts'
import { MAIL_BASE, MAIL_CLOSE } from '../lua/mail-base.ts'
import { BURY_REST, CLOSE, FIND, LIST, OPEN, WAITING } from '../lua/mail-box.ts'
import type { Scripts } from '../script/script.ts'
import { type Flat, toMailbox } from './rows.ts'

interface Listing {
  index: string
  after?: string
  open?: string
  capability?: string
  topic?: string
  filled?: true
}
type Page<T> = { found: T[]; after?: string }
type Boxes = Pick<Mailboxes, 'open' | 'close' | 'find' | 'list' | 'waiting'> & {
  /** Names of those in which something waits. */
  filled(): Promise<string[]>
}

/** The mailboxes themselves. */
export function createBoxes({ define }: Scripts): Boxes {
  const small = { evenWhenFull: true } as const
  type Opening = { name: string; now: number; fields: Flat; reader?: string; runId?: string }
  const open = define<Opening, Flat>('mailOpen', [MAIL_BASE], OPEN)
  type Closing = { name: string; now: number; message: string }
  const close = define<Closing, boolean>('mailClose', [MAIL_BASE, MAIL_CLOSE], CLOSE, small)
  const buryRest = define<{ name: string }, boolean>(
    'mailBuryRest',
    [MAIL_BASE, MAIL_CLOSE],
    BURY_REST,
    small,
  )
  const find = define<{ name: string }, Flat | undefined>('mailFind', [], FIND, small)
  const waiting = define<{ name: string }, { direct: number; copies: number }>(
    'mailWaiting',
    [MAIL_BASE],
    WAITING,
    small,
  )
  const list = define<Listing, Page<[string, Flat] | string>>('mailList', [], LIST, small)

  async function listed<T>(wanted: Listing): Promise<T[]> {
    const all: T[] = []
    for (let from = {}; ; ) {
      const { found, after } = await list({ ...wanted, ...from })
      all.push(...(found as T[]))
      if (after === undefined) return all
      from = { after }
    }
  }

  return {
    async open(order, now) {
      const { name, reader, runId } = order
      const fields = fieldsOf(order)
      return toMailbox(
        name,
        await open({ name, now, fields, ...(reader && { reader }), ...(runId && { runId }) }),
      )
    },
    async close(name, now, { message }) {
      const order = { name, now, message: message.toWellFormed() }
      for (let more = await close(order); more; ) more = await buryRest({ name })
    },
    async find(name) {
      const flat = await find({ name })
      return flat && toMailbox(name, flat)
    },
    list: async (filter = {}) =>
      (await listed<[string, Flat]>(listing(filter))).map((box) => toMailbox(...box)),
    waiting: (name) => waiting({ name }),
    filled: () => listed<string>({ index: 'mail:boxes:open', filled: true }),
  }
}

function fieldsOf({ name: _, ...order }: MailboxOrder): Flat {
  return Object.entries(order).flatMap(([field, value]) =>
    value === undefined ? [] : [field, Array.isArray(value) ? JSON.stringify(value) : String(value)],
  )
}

function listing({ runId, open, capability, topic }: MailboxFilter): Listing {
  const all = open ? 'mail:boxes:open' : 'mail:boxes'
  return {
    index: runId === undefined ? all : `mail:boxes:run:${runId}`,
    ...(open !== undefined && { open: open ? '1' : '0' }),
    ...(capability !== undefined && { capability: JSON.stringify(capability) }),
    ...(topic !== undefined && { topic: JSON.stringify(topic) }),
  }
}
