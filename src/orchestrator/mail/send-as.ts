import { OrchError } from '../../errors.ts'
import { ANSWERS, isAnswer, isRequest } from '../../message/message.ts'
import type { Task } from '../../task/task.ts'
import { answerChecked, requestAskedOf } from '../bus/answer.ts'
import { audienceOf, audienceOfTask } from '../bus/audience.ts'
import { post, type SendOrder, type Sent } from '../bus/bus.ts'
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
 * Sends as a person or a program. An answer goes to who asked, once: its id is that of the answer.
 * @throws OrchError what `send`, `answerChecked`, `outsider` and `freeMailbox` throw; E_INVALID (no receiver, or two)
 */
export async function sendAs(parts: Parts, given: OutsiderOrder): Promise<Sent> {
  const { from, to, capability: _, run, ...order } = given
  const payload = checkPayload(order.type, order.payload)
  if (isAnswer(order.type)) return await answerAs(parts, { ...given, payload })
  const receiver = to === undefined ? await able(parts, given) : await whole(parts, to, given)
  const sender = await outsider(parts, { from, run })
  const audience =
    typeof receiver === 'string'
      ? await audienceOf(parts, sender, receiver)
      : await audienceOfTask(parts, receiver)
  return await post(parts, sender, { ...order, payload }, audience)
}

async function answerAs(
  parts: Parts,
  { from, to, type, payload, correlationId }: OutsiderOrder & { payload: Record<string, unknown> },
): Promise<Sent> {
  if (correlationId === undefined)
    throw new OrchError('E_INVALID', `${type} answers a request: give its correlationId`)
  const sender = await outsider(parts, { from })
  const request = await requestAskedOf(parts, from, correlationId)
  const { message } = request
  if (ANSWERS[message.type] !== type)
    throw new OrchError('E_INVALID', `a ${message.type} is not answered by a ${type}`)
  if (to !== undefined && nameOf(await whole(parts, to, {})) !== message.from)
    throw new OrchError('E_FORBIDDEN', `the request ${message.id} came from ${message.from}: answer there`)
  return await answerChecked(
    parts,
    { ...sender, ...(message.runId && { runId: message.runId }) },
    request,
    payload,
  )
}

async function able(parts: Parts, { from, type, id, capability }: OutsiderOrder): Promise<string> {
  if (capability === undefined) throw new OrchError('E_INVALID', 'a receiver is missing')
  if (isRequest(type)) return await freeMailbox(parts, capability, { from, ...(id && { id }) })
  throw new OrchError('E_INVALID', `a ${type} asks for nothing: give a receiver, not a capability`)
}

async function whole(
  parts: Parts,
  to: string,
  { capability }: Pick<OutsiderOrder, 'capability'>,
): Promise<string | Task> {
  if (capability !== undefined) throw new OrchError('E_INVALID', 'a receiver or a capability: not both')
  return to.startsWith('t-') ? await resolve(parts, to) : to
}

const nameOf = (receiver: string | Task) => (typeof receiver === 'string' ? receiver : receiver.id)
