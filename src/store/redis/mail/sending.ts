import { OrchError } from '../../../errors.ts'
import { ANSWERS, isRequest, type Message, type MessageType, ORCH } from '../../../message/message.ts'
import type { Mailboxes } from '../../mailboxes.ts'
import { MAIL_BASE } from '../lua/mail-base.ts'
import { REDRIVE, SEND } from '../lua/mail-send.ts'
import type { Scripts } from '../script/script.ts'

/** A message as SEND takes it: what it decides by, and the whole as JSON. */
interface Sent {
  id: string
  to: string
  from: string
  type: MessageType
  text: string
  r?: string
  k?: string
  /** Expires, ms since the epoch. */
  e?: number
  copy?: true
  request?: true
  /** Type of the requests that it may answer. */
  answers?: string
}
type Full = { full: [name: string, waiting: number, capacity: number] }

/** What puts messages into mailboxes, all or none. */
export function createSending({ define }: Scripts): Pick<Mailboxes, 'send' | 'redrive'> {
  type Sending = { now: number; orch: string; messages: Sent[] }
  const send = define<Sending, boolean[] | Full>('mailSend', [MAIL_BASE], SEND)
  type Redriving = { ids: readonly string[]; now: number }
  const redrive = define<Redriving, undefined | Full>('mailRedrive', [MAIL_BASE], REDRIVE)

  return {
    async send(messages, now) {
      if (messages.length === 0) return []
      const created = await send({ now, orch: ORCH, messages: messages.map(sent) })
      if ('full' in created) throw full(created)
      return messages.map(({ id }, index) => ({ id, created: created[index] ?? false }))
    },
    async redrive(ids, now) {
      if (ids.length === 0) return
      const refused = await redrive({ ids, now })
      if (refused) throw full(refused)
    },
  }
}

function sent(message: Message): Sent {
  const { id, to, from, type, runId, correlationId, expiresAt, audience } = message
  const answers = correlationId && REQUESTS.get(type)
  return {
    id,
    to,
    from,
    type,
    text: JSON.stringify(message),
    ...(runId && { r: runId }),
    ...(correlationId && { k: correlationId }),
    ...(expiresAt !== undefined && { e: Date.parse(expiresAt) }),
    ...(audience !== undefined && { copy: true }),
    ...(isRequest(type) && { request: true }),
    ...(answers && { answers }),
  }
}

/** Which requests an answer is for. */
const REQUESTS = new Map<MessageType, string>(
  Object.entries(ANSWERS).map(([request, answer]) => [answer, request]),
)

function full({ full: [mailbox, waiting, capacity] }: Full): OrchError {
  const text = `the mailbox ${mailbox} is full: ${waiting} messages wait there`
  return new OrchError('E_MAILBOX_FULL', text, { details: { mailbox, waiting, capacity } })
}
