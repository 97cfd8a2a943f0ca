import type { Message } from '../message/message.ts'
import type { Client } from './client.ts'
import type { DeliveryView } from './message-views.ts'

/** Reads one mailbox, in order: what was handled is acknowledged, what was not is given back. */

export interface ReadOptions {
  client: Pick<Client, 'call'>
  mailbox: string
  /** Names this process among all that may read there. */
  reader: string
  /** Messages that are fetched at once. */
  batch: number
  leaseMs: number
  /** Resolved: it is acknowledged. Rejected: it comes again after a while, with those behind it of the same sender. */
  handle: (message: Message) => Promise<void>
  /** Is told what a handler threw. */
  onError: (error: unknown, message: Message) => void
  /** Ends the reading after the handler that is at work. */
  signal: AbortSignal
}

/** How long a request waits for a message, in ms. */
const WAIT_MS = 30_000
/** Beyond that: the daemon hangs. */
const SILENCE_MS = 60_000

/** @throws OrchError E_STALE when another process has taken the mailbox over, and what calls throw */
export async function readMail(options: ReadOptions): Promise<void> {
  const { signal, client, mailbox: name, reader } = options
  let handled: string[] = []
  while (!signal.aborted) {
    const taken = await receive(options, handled)
    if (!taken) break
    handled = await withLease(options, taken.length, () => handleAll(options, taken))
  }
  if (handled.length > 0)
    await client.call('acknowledge', { params: { name }, body: { reader, ids: handled } })
}

/**
 * Acknowledges and takes the next in one request. `again`: what an answer that was lost on its way had brought.
 * Undefined after the end.
 */
async function receive(options: ReadOptions, acknowledge: string[]): Promise<DeliveryView[] | undefined> {
  const { client, mailbox: name, reader, batch: limit, leaseMs, signal } = options
  const body = { reader, acknowledge, limit, leaseMs, waitMs: WAIT_MS, again: true }
  try {
    const limits = { signal, timeoutMs: SILENCE_MS }
    return (await client.call('receive', { params: { name }, body }, limits)).messages
  } catch (error) {
    if (!signal.aborted) throw error
    // Cut off in the middle: nobody knows whether they are acknowledged.
    if (acknowledge.length > 0)
      await client.call('acknowledge', { params: { name }, body: { reader, ids: acknowledge } })
    return undefined
  }
}

/** In order; one that fails holds up those of the same sender. Gives the ids of those that are done. */
async function handleAll(options: ReadOptions, taken: DeliveryView[]): Promise<string[]> {
  const handled: string[] = []
  const heldUp = new Set<string>()
  for (const { message } of taken) {
    if (options.signal.aborted) break
    if (heldUp.has(message.from)) continue
    try {
      await options.handle(message as Message)
      handled.push(message.id)
    } catch (error) {
      heldUp.add(message.from)
      options.onError(error, message as Message)
      await giveBack(options, message.id, error)
    }
  }
  return handled
}

async function giveBack({ client, mailbox: name, reader }: ReadOptions, id: string, error: unknown) {
  const why = String(error instanceof Error ? error.message : error)
    .slice(0, 2_000)
    .replaceAll('\0', '')
  await client.call('giveBack', { params: { name }, body: { reader, ids: [id], why } })
}

/** Keeps the lease of what was taken while a handler takes its time. */
async function withLease<T>(options: ReadOptions, taken: number, work: () => Promise<T>): Promise<T> {
  const { client, mailbox: name, reader, leaseMs } = options
  const body = { reader, limit: Math.max(1, taken), leaseMs, again: true }
  const renew = () => void client.call('receive', { params: { name }, body }).catch(() => {}) // the next call tells
  const timer = setInterval(renew, leaseMs / 3)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}
