import { isDeepStrictEqual } from 'node:util'
import { OrchError } from '../../errors.ts'
import type { Delivery } from '../../message/delivery.ts'
import { ANSWERS, isRequest, type RequestType } from '../../message/message.ts'
import { oneLine } from '../../text.ts'
import type { Parts } from '../parts.ts'
import { audienceOf } from './audience.ts'
import { post, type Sent } from './bus.ts'
import { answerIdOf } from './derived-id.ts'
import { checkPayload } from './payload.ts'
import type { Sender } from './sender.ts'

/** A request with its type known. */
export type Request = Delivery & { message: Delivery['message'] & { type: RequestType } }

export const isRequestDelivery = (it: Delivery): it is Request => isRequest(it.message.type)

/**
 * The request of this id or correlation id that was asked of the mailbox. @throws OrchError E_NOT_FOUND, also when it was
 * asked of somebody else
 */
export async function requestAskedOf({ store }: Parts, mailbox: string, id: string): Promise<Request> {
  const mine = (it: Delivery): it is Request => isRequestDelivery(it) && it.message.to === mailbox
  const named = await store.mailboxes.get(id)
  if (named && mine(named)) return named
  const found = await store.mailboxes.history({ correlationId: id, mailbox, limit: 100 })
  const request = found.find(mine)
  if (request) return request
  throw notAsked(id)
}

const notAsked = (id: string) =>
  new OrchError('E_NOT_FOUND', `there is no request ${oneLine(id, 80)} that was asked of you`, {
    fix: 'read_inbox shows the requests that wait for you, each with its id.',
  })

/**
 * Answers a request, once: the same answer again is the same message.
 * @throws OrchError E_NOT_FOUND (asked of somebody else), E_STATE (it has another answer, or who asked is gone), and what
 *   `send` throws
 */
export async function answerTo(
  parts: Parts,
  sender: Sender,
  request: Request,
  payload: unknown,
): Promise<Sent> {
  return await answerChecked(parts, sender, request, checkPayload(ANSWERS[request.message.type], payload))
}

/** As `answerTo`, with a payload that was checked. */
export async function answerChecked(
  parts: Parts,
  sender: Sender,
  request: Request,
  payload: Record<string, unknown>,
): Promise<Sent> {
  const { message } = request
  if (message.to !== sender.mailbox) throw notAsked(message.id)
  const id = answerIdOf(message.id)
  const known = await parts.store.mailboxes.get(request.answer?.id ?? id)
  if (known || request.answer) {
    const same = known?.message.from === sender.mailbox && isDeepStrictEqual(known.message.payload, payload)
    if (same) return { id: known.message.id, to: [message.from], created: false }
    throw new OrchError(
      'E_STATE',
      `the request ${message.id} has been answered already${byWhom(known, sender)}`,
      {
        fix: 'What is still worth knowing can be sent with send_message, type context_share.',
      },
    )
  }
  const correlationId = message.correlationId ?? message.id
  const asker = await audienceOf(parts, sender, message.from)
  return await post(parts, sender, { id, type: ANSWERS[message.type], payload, correlationId }, asker)
}

function byWhom(known: Delivery | undefined, { mailbox }: Sender): string {
  const from = known?.message.from
  if (from === undefined) return ''
  return from === mailbox ? ' by you' : ` by ${from}`
}
