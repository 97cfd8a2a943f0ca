import type { Client } from '../../api/client.ts'
import type { Answer, DeliveryView, EventView } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import type { Cli } from '../cli.ts'
import { findTask } from '../find-task.ts'
import { messageLine } from './lines.ts'

/** Messages that a person wants to see, those that are there and those that come. */

export interface Sieve {
  states: DeliveryView['state'] | undefined
  fits(delivery: DeliveryView): boolean
  /** The newest of them. */
  latest(client: Client, lines: number): Promise<Answer<'messages'>>
}

interface Wanted {
  run?: string | undefined
  task?: string | undefined
  type?: string | undefined
  from?: string | undefined
  to?: string | undefined
  state?: DeliveryView['state'] | undefined
}

/** @throws OrchError E_NOT_FOUND for who is not there */
export async function sieveOf(client: Client, { run, task, type, state, ...ends }: Wanted): Promise<Sieve> {
  const mailbox = task === undefined ? undefined : (await findTask(client, task)).id
  const [from, to] = await Promise.all([mailboxOf(client, ends.from), mailboxOf(client, ends.to)])
  return {
    states: state,
    fits: ({ message, state: now }) =>
      (run ?? message.runId) === message.runId &&
      (type ?? message.type) === message.type &&
      (from ?? message.from) === message.from &&
      (to ?? message.to) === message.to &&
      (state ?? now) === now &&
      [undefined, message.from, message.to].includes(mailbox),
    async latest(asked, lines) {
      const query = {
        run,
        mailbox,
        from,
        to,
        types: type,
        states: state,
        newest: 'yes',
        limit: Math.max(1, lines),
      } as const
      const found = await asked.call('messages', { query })
      return lines === 0 ? { ...found, messages: [] } : found
    },
  }
}

/** The name of the mailbox of who is called so. */
async function mailboxOf(client: Client, name: string | undefined): Promise<string | undefined> {
  if (name === undefined) return undefined
  return (await client.call('peek', { params: { name }, query: { limit: 1 } })).mailbox
}

const EVENTS = [
  'message.sent',
  'message.read',
  'message.returned',
  'message.dead',
  'message.edited',
  'message.redriven',
  'message.dropped',
]

/** The latest, then everything that happens to messages, without gap or double, until `signal`. */
export async function followMessages(
  cli: Cli,
  client: Client,
  sieve: Sieve,
  { lines, signal }: { lines: number; signal: AbortSignal },
): Promise<void> {
  const { messages, last } = await sieve.latest(client, lines)
  const show = (happened: string, delivery: DeliveryView, said?: string) =>
    cli.answer('message-event', { happened, ...delivery }, () => messageLine(delivery, cli.paint, said))
  for (const delivery of messages) show('sent', delivery)
  const shown = new Set(messages.map(({ message }) => message.id))
  for await (const event of client.events({ after: last, types: EVENTS, signal })) {
    const delivery = await messageOf(client, event)
    const happened = event.type.slice('message.'.length)
    if (!delivery || !sieve.fits(delivery)) continue
    // sent between the first look at the journal and the answer: it is there already
    if (happened === 'sent' && shown.delete(delivery.message.id)) continue
    show(happened, delivery, WORDS[happened])
  }
}

/** Instead of what became of it until now, which may be later than the event. */
const WORDS: Record<string, string> = {
  sent: 'sent',
  edited: 'edited',
  redriven: 'redriven',
  returned: 'came back',
}

/** Undefined when it was forgotten meanwhile. */
async function messageOf(client: Client, { data }: EventView): Promise<DeliveryView | undefined> {
  const sent = data?.message as { id?: unknown } | undefined
  try {
    return await client.call('message', { params: { id: String(data?.id ?? sent?.id) } })
  } catch (error) {
    if (error instanceof OrchError && error.code === 'E_NOT_FOUND') return undefined
    throw error
  }
}
