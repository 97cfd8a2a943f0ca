import { OrchError, toOrchError } from '../../errors.ts'
import type { Delivery } from '../../message/delivery.ts'
import { PERSON } from '../../message/message.ts'
import type { Mailbox } from '../../store/store.ts'
import { awaitMail } from '../bus/await-mail.ts'
import { retryPolicy } from '../bus/bus.ts'
import type { Parts } from '../parts.ts'
import { findMail } from './find-mail.ts'
import { checkOwnName } from './outsider.ts'

/** How programs and people read their mailboxes. @throws OrchError E_FORBIDDEN for those of agents, and what the store throws */

export interface ProgramMailbox {
  name: string
  reader: string
  capabilities: string[]
  topics: string[]
}

/** @throws OrchError E_FORBIDDEN */
export async function openOwn(parts: Parts, box: ProgramMailbox): Promise<Mailbox> {
  await checkOwnName(parts, box.name)
  if (box.name === PERSON)
    throw new OrchError('E_FORBIDDEN', 'people read in the mailbox person: it cannot be taken over', {
      fix: 'Look into it with `orch inbox`, or take another name.',
    })
  return await parts.store.mailboxes.open({ ...box, capacity: parts.config.mailboxSize }, parts.clock.now())
}

const TAKEN_OVER = 'Another process has opened it: only that one reads there. Open it again to take it back.'

/** @throws OrchError E_STALE when somebody else reads it */
export async function closeOwn(
  parts: Parts,
  { name, reader }: { name: string; reader: string },
): Promise<void> {
  await checkOwnName(parts, name)
  const box = await parts.store.mailboxes.find(name)
  if (!box) throw new OrchError('E_NOT_FOUND', `there is no mailbox ${name}`)
  if (box.reader !== reader)
    throw new OrchError('E_STALE', `the mailbox ${name} has another reader by now`, { fix: TAKEN_OVER })
  const reason = { code: 'receiver-gone', message: `the program ${name} has closed its mailbox` }
  await parts.store.mailboxes.close(name, parts.clock.now(), reason)
}

export interface Receiving {
  name: string
  reader: string
  acknowledge: readonly string[]
  limit: number
  waitMs: number
  leaseMs?: number | undefined
  again: boolean
}

/** Acknowledges, then takes what is there, or what comes within `waitMs`; nothing when `gone` aborts first. */
export async function receive(parts: Parts, order: Receiving, gone?: AbortSignal): Promise<Delivery[]> {
  const { store, clock, config } = parts
  const { name, reader, limit, again, waitMs, leaseMs = config.messageLeaseSeconds * 1_000 } = order
  await checkOwnName(parts, name)
  let read = order.acknowledge
  let looked = 0
  if (read.length > 0 && name === PERSON) await readAsPerson(parts, reader)
  const take = async (wait: AbortSignal) => {
    if (gone?.aborted && read.length === 0) return undefined
    const most = gone?.aborted ? 0 : limit // who is gone has read what it says, and takes no more
    const how = { leaseMs, limit: most, again, wait, acknowledge: read }
    looked = clock.now()
    const request = { mailbox: name, reader, now: looked, ...how }
    const taken = await store.mailboxes.lease(request).catch((error) => takenOver(error, { name, reader }))
    read = []
    return taken.length > 0 ? taken : undefined
  }
  const due = () => nextDue(parts, name, looked)
  return (await awaitMail(parts, name, { ms: waitMs, due, ...(gone && { signal: gone }) }, take)) ?? []
}

/** When the next message comes back after its backoff that was not there when it was `looked`: no arrival tells. */
async function nextDue(parts: Parts, name: string, looked: number): Promise<number> {
  if (!(await anyWaits(parts, name))) return Infinity
  const waiting = await findMail(parts, { to: name, states: ['waiting'], limit: Infinity })
  const later = waiting.flatMap(({ notBefore = 0 }) => (notBefore > looked ? [notBefore] : []))
  return Math.min(...later)
}

/** Counted, not searched: a mailbox may have a long history. */
async function anyWaits({ store }: Pick<Parts, 'store'>, name: string): Promise<boolean> {
  try {
    const { direct, copies } = await store.mailboxes.waiting(name)
    return direct + copies > 0
  } catch (error) {
    if (toOrchError(error).code === 'E_NOT_FOUND') return false // nobody has ever written to people
    throw error
  }
}

/** What waits there, without taking it; within `waitMs` for the first one. */
export async function peek(
  parts: Parts,
  { name, waitMs, limit }: { name: string; waitMs: number; limit: number },
  gone?: AbortSignal,
): Promise<Delivery[]> {
  const look = async () => {
    if (!(await anyWaits(parts, name))) return undefined
    const found = await findMail(parts, { to: name, states: ['waiting'], limit })
    return found.length > 0 ? found : undefined
  }
  return (
    (await awaitMail(parts, name, { ms: waitMs, beside: true, ...(gone && { signal: gone }) }, look)) ?? []
  )
}

export interface OwnIds {
  name: string
  ids: readonly string[]
  /** Absent: people, who read under the name of the mailbox. */
  reader?: string | undefined
}

/** @throws OrchError E_FORBIDDEN, E_NOT_FOUND, E_STALE */
export async function acknowledgeOwn(parts: Parts, order: OwnIds): Promise<void> {
  await checkOwnName(parts, order.name)
  await acknowledge(parts, order)
}

async function acknowledge(parts: Parts, { name, reader = name, ids }: OwnIds): Promise<void> {
  const { mailboxes } = parts.store
  if (name === PERSON) await readAsPerson(parts, reader)
  const order = { mailbox: name, reader, ids, now: parts.clock.now() }
  await mailboxes.acknowledge(order).catch((error) => takenOver(error, { name, reader }))
}

async function readAsPerson({ store: { mailboxes }, clock, config }: Parts, reader: string): Promise<void> {
  if ((await mailboxes.find(PERSON))?.reader === reader) return
  await mailboxes.open({ name: PERSON, reader, capacity: config.mailboxSize }, clock.now())
}

function takenOver(error: unknown, { name, reader }: { name: string; reader: string }): never {
  if (toOrchError(error).code !== 'E_STALE') throw error
  const cause = { cause: error, fix: TAKEN_OVER }
  throw new OrchError('E_STALE', `${reader} is not the reader of the mailbox ${name}`, cause)
}

/** @throws OrchError E_FORBIDDEN, E_STALE */
export async function giveBackOwn(
  parts: Parts,
  { name, reader, ids, why }: OwnIds & { reader: string; why: string },
): Promise<void> {
  await checkOwnName(parts, name)
  const reason = { code: 'returned', message: why || `${name} gave it back` }
  const now = parts.clock.now()
  await parts.store.mailboxes.giveBack({ mailbox: name, reader, ids, now, reason, retry: retryPolicy(parts) })
}
