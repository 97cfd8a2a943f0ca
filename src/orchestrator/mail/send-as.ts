import { OrchError } from '../../errors.ts'
import type { Delivery } from '../../message/delivery.ts'
import { isAnswer, isRequest } from '../../message/message.ts'
import { type SendOrder, type Sent, send } from '../bus/bus.ts'
import { checkPayload } from '../bus/payload.ts'
import type { Parts } from '../parts.ts'
import { resolve } from '../resolve.ts'
import { freeMailbox } from './free-mailbox.ts'
import { outsider } from './outsider.ts'

export interface OutsiderOrder extends Omit<SendOrder, 'to'> {
  /** `person`, or the mailbox of a program. */
  from: string
  /** Tasks also by the beginning of their id. Absent: an answer goes to who asked. */
  to?: string | undefined
  /** Instead of a receiver: whoever can do this and has the fewest open requests. */
  capability?: string | undefined
  /** What `*` and `#topic` are limited to. */
  run?: string | undefined
}

/**
 * Sends as a person or a program. @throws OrchError what `send`, `outsider` and `freeMailbox` throw; E_INVALID (no receiver, or two)
 */
export async function sendAs(parts: Parts, given: OutsiderOrder): Promise<Sent> {
  const { from, to, capability, run, ...order } = given
  checkPayload(order.type, order.payload)
  const receiver = to === undefined ? await otherReceiver(parts, given) : await whole(parts, to, given)
  return await send(parts, await outsider(parts, { from, to: receiver, run }), { ...order, to: receiver })
}

async function otherReceiver(parts: Parts, order: OutsiderOrder): Promise<string> {
  if (order.capability !== undefined) return await able(parts, order, order.capability)
  const asked = isAnswer(order.type) && order.correlationId ? await requestTo(parts, order) : undefined
  if (asked) return asked.message.from
  const answers = isAnswer(order.type) && order.correlationId
  if (answers)
    throw new OrchError('E_NOT_FOUND', `there is no request ${answers} that was asked of ${order.from}`)
  throw new OrchError('E_INVALID', 'a receiver is missing')
}

async function able(parts: Parts, { from, type, id }: OutsiderOrder, capability: string): Promise<string> {
  if (isRequest(type)) return await freeMailbox(parts, capability, { from, ...(id && { id }) })
  throw new OrchError('E_INVALID', `a ${type} asks for nothing: give a receiver, not a capability`)
}

async function whole(parts: Parts, to: string, { capability }: OutsiderOrder): Promise<string> {
  if (capability !== undefined) throw new OrchError('E_INVALID', 'a receiver or a capability: not both')
  return to.startsWith('t-') ? (await resolve(parts, to)).id : to
}

async function requestTo({ store }: Parts, order: OutsiderOrder): Promise<Delivery | undefined> {
  const { correlationId = '', from } = order
  const found = await store.mailboxes.history({ correlationId, mailbox: from, limit: 100 })
  return found.find(({ message }) => isRequest(message.type) && message.to === from)
}
