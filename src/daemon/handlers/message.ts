import { z } from 'zod'
import type { Checked, Handlers } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import type { RunId } from '../../id.ts'
import {
  ANSWERS,
  isRequest,
  MESSAGE_TYPES,
  MESSAGE_VERSION,
  type MessageType,
  PAYLOADS,
} from '../../message/message.ts'
import { mailboxMeant } from '../../orchestrator/mail/address.ts'
import { findMail } from '../../orchestrator/mail/find-mail.ts'
import { awaitResponse } from '../../orchestrator/mail/response.ts'
import { sendAs } from '../../orchestrator/mail/send-as.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { viewDelivery } from './message-views.ts'

type Verbs = 'sendMessage' | 'messages' | 'message' | 'response' | 'messageTypes' | 'mailStatistics'

/** The verbs of messages. */
export function messageHandlers(parts: Parts): Pick<Handlers, Verbs> {
  const { store } = parts
  return {
    sendMessage: async ({ body: { type, version: _, ...order } }) =>
      await sendAs(parts, { ...given(order), type: type as MessageType }),
    async messages({ query }) {
      const last = await store.journal.last() // first: events after it tell of all that is not in the answer
      const found = await findMail(parts, await mailQuery(parts, query))
      return { messages: found.map(viewDelivery), last }
    },
    async message({ params: { id } }) {
      const delivery = await store.mailboxes.get(id)
      if (delivery) return viewDelivery(delivery)
      throw new OrchError('E_NOT_FOUND', `there is no message ${id}`, { fix: '`orch messages` lists them.' })
    },
    async response({ params, query }, gone) {
      const { response, dead } = await awaitResponse(parts, { correlationId: params.id, ...query }, gone)
      return { response: response && viewDelivery(response), dead }
    },
    messageTypes: async () => ({ version: MESSAGE_VERSION, types: MESSAGE_TYPES.map(viewType) }),
    mailStatistics: () => store.mailboxes.statistics(),
  }
}

type Given<T> = { [K in keyof T]: Exclude<T[K], undefined> }
/** Without the fields that were not given. */
const given = <T extends object>(fields: T) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Given<T>

async function mailQuery(parts: Parts, query: Checked<'messages'>['query']) {
  const { run, mailbox, from, to, types, states, correlation, after, newest, limit } = query
  const named = async (name?: string) => (name === undefined ? undefined : await mailboxMeant(parts, name))
  return {
    runId: run as RunId | undefined,
    mailbox: await named(mailbox),
    from: await named(from),
    to: await named(to),
    types,
    states,
    correlationId: correlation,
    after,
    newest: newest === 'yes',
    limit,
  }
}

const viewType = (type: MessageType) => ({
  type,
  description: PAYLOADS[type].description ?? '',
  ...(isRequest(type) && { answeredBy: ANSWERS[type] }),
  schema: z.toJSONSchema(PAYLOADS[type], { io: 'input' }) as Record<string, unknown>,
})
