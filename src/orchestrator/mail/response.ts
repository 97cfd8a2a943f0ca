import { OrchError } from '../../errors.ts'
import type { Delivery } from '../../message/delivery.ts'
import { isAnswer } from '../../message/message.ts'
import type { Reason } from '../../task/task.ts'
import { awaitMail } from '../bus/await-mail.ts'
import type { Parts } from '../parts.ts'

export interface Response {
  response?: Delivery
  /** Nobody will answer. */
  dead?: Reason
}

export interface Waiting {
  correlationId: string
  /** Who had asked, and gets the answer. */
  mailbox: string
  waitMs: number
}

/**
 * The first answer to what this mailbox has asked, read or not; or why none will come; nothing after `waitMs`.
 * @throws OrchError E_NOT_FOUND when it has asked nothing with this id
 */
export async function awaitResponse(
  parts: Parts,
  { correlationId, mailbox, waitMs }: Waiting,
  gone?: AbortSignal,
): Promise<Response> {
  const look = async () => {
    const found = await parts.store.mailboxes.history({ correlationId, mailbox })
    const asked = found.filter(({ message }) => message.from === mailbox)
    if (asked.length === 0)
      throw new OrchError(
        'E_NOT_FOUND',
        `${mailbox} has sent nothing with the correlation id ${correlationId}`,
      )
    const response = found.find(({ message }) => message.to === mailbox && isAnswer(message.type))
    if (response) return { response }
    const reasons = asked.map((it) => lost(it, parts.clock.now()))
    return reasons.every((it) => it) ? { dead: reasons[0] as Reason } : undefined
  }
  const wait = { ms: waitMs, beside: true, ...(gone && { signal: gone }) }
  return (await awaitMail(parts, mailbox, wait, look)) ?? {}
}

const EXPIRED: Reason = { code: 'expired', message: 'its time is over' }

function lost({ state, reason, message: { expiresAt } }: Delivery, now: number): Reason | undefined {
  if (state === 'dead' || state === 'dropped') return reason ?? { code: state, message: `it is ${state}` }
  return expiresAt !== undefined && Date.parse(expiresAt) <= now ? EXPIRED : undefined
}
