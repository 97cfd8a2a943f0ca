import { OrchError } from '../../errors.ts'
import { isRequest, MESSAGE_TYPES } from '../../message/message.ts'
import type { Parts } from '../parts.ts'

const REQUESTS = MESSAGE_TYPES.filter(isRequest)

/** How many requests were asked of this mailbox that nobody has answered and whose time is not over. */
export async function openRequestsTo({ store, clock }: Parts, mailbox: string): Promise<number> {
  const asked = await store.mailboxes.history({
    mailbox,
    types: REQUESTS,
    states: ['waiting', 'acknowledged'],
    unanswered: true,
  })
  const now = clock.now()
  const isOver = (expiresAt?: string) => expiresAt !== undefined && Date.parse(expiresAt) <= now
  return asked.filter(
    ({ message: { to, expiresAt }, answer }) => to === mailbox && !answer && !isOver(expiresAt),
  ).length
}

/**
 * Of the open mailboxes that can do it the one with the fewest open requests; a request that was sent before stays where it
 * is. @throws OrchError E_NOT_FOUND
 */
export async function freeMailbox(
  parts: Parts,
  capability: string,
  { from, id }: { from: string; id?: string },
): Promise<string> {
  const { mailboxes } = parts.store
  const sent = id === undefined ? undefined : await mailboxes.get(id)
  if (sent?.message.from === from) return sent.message.to
  const able = (await mailboxes.list({ capability, open: true })).filter(({ name }) => name !== from)
  const loads = await Promise.all(
    able.map(async ({ name }) => ({ name, load: await openRequestsTo(parts, name) })),
  )
  const [free] = loads.sort((a, b) => a.load - b.load)
  if (free) return free.name
  throw new OrchError('E_NOT_FOUND', `nobody who is there can do ${capability}`, {
    fix: 'Start a run with a profile of this capability (`orch profiles list`), or register a program that has it.',
  })
}
