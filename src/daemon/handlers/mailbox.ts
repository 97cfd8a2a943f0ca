import type { Handlers } from '../../api/contract.ts'
import type { RunId } from '../../id.ts'
import { mailboxMeant } from '../../orchestrator/mail/address.ts'
import {
  acknowledgeOwn,
  closeOwn,
  giveBackOwn,
  openOwn,
  peek,
  receive,
} from '../../orchestrator/mail/own-mailbox.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { viewDelivery, viewMailbox } from './message-views.ts'

type Verbs = 'mailboxes' | 'openMailbox' | 'closeMailbox' | 'peek' | 'receive' | 'acknowledge' | 'giveBack'

/** The verbs of mailboxes. */
export function mailboxHandlers(parts: Parts): Pick<Handlers, Verbs> {
  return {
    async mailboxes({ query: { capability, topic, run, open } }) {
      const found = await parts.store.mailboxes.list({
        ...(capability !== undefined && { capability }),
        ...(topic !== undefined && { topic }),
        ...(run !== undefined && { runId: run as RunId }),
        ...(open === 'yes' && { open: true }),
      })
      return { mailboxes: await Promise.all(found.map((box) => viewMailbox(parts, box))) }
    },
    openMailbox: async ({ body }) => await viewMailbox(parts, await openOwn(parts, body)),
    async closeMailbox({ params, body }) {
      await closeOwn(parts, { ...params, ...body })
      return {}
    },
    async peek({ params, query }, gone) {
      const mailbox = await mailboxMeant(parts, params.name)
      const found = await peek(parts, { name: mailbox, ...query }, gone)
      return { mailbox, messages: found.map(viewDelivery) }
    },
    async receive({ params, body }, gone) {
      const taken = await receive(parts, { ...params, ...body }, gone)
      return { messages: taken.map(viewDelivery) }
    },
    async acknowledge({ params, body }) {
      await acknowledgeOwn(parts, { ...params, ...body })
      return {}
    },
    async giveBack({ params, body }) {
      await giveBackOwn(parts, { ...params, ...body })
      return {}
    },
  }
}
