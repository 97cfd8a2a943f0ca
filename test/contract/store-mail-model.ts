import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../src/message/delivery.ts'
import type { Message } from '../../src/message/message.ts'
import type { Store } from '../../src/store/store.ts'
import { ids, message, openBox, RETRY } from '../support/mail.ts'
import { REASON, type StoreUnderTest } from '../support/store.ts'

/**
 * Whatever is done to mailboxes, in whatever order: no message is lost, none is given to a reader after it was
 * acknowledged, and each pair keeps its order. The model knows what was sent and what a reader may have before it.
 */

const BOXES = ['bob', 'carol'] as const
const LEASE_MS = 200
const SENDERS = ['x', 'y', 'z'] as const
type Box = (typeof BOXES)[number]

interface Verb {
  verb: 'send' | 'lease' | 'read' | 'giveBack' | 'expire' | 'newReader' | 'redrive' | 'reopen' | 'sleep'
  box: Box
  sender: (typeof SENDERS)[number]
  /** How many, which one, or how long. */
  number: number
  again: boolean
  expires: boolean
}

const WEIGHTS: [Verb['verb'], number][] = [
  ['send', 8],
  ['lease', 8],
  ['read', 5],
  ['giveBack', 3],
  ['expire', 2],
  ['sleep', 2],
  ['newReader', 1],
  ['redrive', 1],
  ['reopen', 1],
]

function sequences(): fc.Arbitrary<Verb[]> {
  const verb = fc.record({
    verb: fc.oneof(...WEIGHTS.map(([name, weight]) => ({ arbitrary: fc.constant(name), weight }))),
    box: fc.constantFrom(...BOXES),
    sender: fc.constantFrom(...SENDERS),
    number: fc.integer({ min: 0, max: 5 }),
    again: fc.boolean(),
    expires: fc.oneof({ arbitrary: fc.constant(false), weight: 6 }, fc.constant(true)),
  })
  return fc.array(verb, { minLength: 1, maxLength: 60, size: 'max' })
}

export function mailModel(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`store contract: ${name}, messages`, () => {
    it('loses none, gives none after it was acknowledged, and keeps the order of each pair', {
      timeout: 240_000,
    }, async () => {
      const run = async (verbs: Verb[]) => {
        const under = await open()
        try {
          await runMail(under, verbs)
        } finally {
          await under.dispose()
        }
      }
      await fc.assert(fc.asyncProperty(sequences(), run), { numRuns: 25 })
    })
  })
}

interface Known {
  message: Message
  /** Its place in what its sender sent to this mailbox. */
  place: number
  ended: boolean
  /** Until when its reader may have it; a store may forget that when it is closed. */
  heldUntil?: number
}

interface Model {
  store: Store
  now: number
  readers: Record<Box, string>
  known: Map<string, Known>
  places: number
}

async function runMail(under: StoreUnderTest, verbs: Verb[]): Promise<void> {
  const readers = { bob: 'reader-0', carol: 'reader-0' }
  const model: Model = { store: under.store, now: 0, readers, known: new Map(), places: 0 }
  for (const box of BOXES) await openBox(model.store, box, { reader: readers[box] })
  for (const verb of verbs) {
    model.now += 10
    if (verb.verb === 'reopen') model.store = await under.reopen()
    else await carryOut(model, verb)
  }
  await drain(model)
  expect(await model.store.upkeep.check()).toEqual([])
}

async function carryOut(model: Model, verb: Verb): Promise<void> {
  const { mailboxes } = model.store
  const reader = { mailbox: verb.box, reader: model.readers[verb.box], now: model.now }
  const ofBox = [...model.known.values()].filter(({ message: { to } }) => to === verb.box)
  const held = ofBox.filter((known) => known.heldUntil !== undefined && !known.ended)
  const one = held.slice(verb.number).slice(0, 1)
  switch (verb.verb) {
    case 'send':
      return await send(model, verb)
    case 'sleep':
      model.now += 100 * verb.number
      return
    case 'lease': {
      const request = { ...reader, leaseMs: LEASE_MS, limit: verb.number + 1, again: verb.again }
      return take(model, verb.box, await mailboxes.lease(request), model.now + LEASE_MS)
    }
    case 'read':
      await mailboxes.acknowledge({ ...reader, ids: one.map((known) => known.message.id) })
      return await learn(model)
    case 'giveBack':
      await mailboxes.giveBack({
        ...reader,
        ids: one.map((known) => known.message.id),
        reason: REASON,
        retry: RETRY,
      })
      letGo(model, one)
      return await learn(model)
    case 'expire':
      await mailboxes.expire(model.now, RETRY)
      letGo(
        model,
        [...model.known.values()].filter(
          ({ ended, heldUntil = Number.POSITIVE_INFINITY }) => !ended && heldUntil <= model.now,
        ),
      )
      return await learn(model)
    case 'newReader':
      model.readers[verb.box] = `reader-${model.now}`
      await openBox(model.store, verb.box, { reader: model.readers[verb.box] })
      return letGo(model, ofBox)
    case 'redrive':
      return await redrive(model)
    case 'reopen':
      throw new Error('carried out above')
  }
}

async function send(model: Model, { box, sender, number, expires }: Verb): Promise<void> {
  const expiresAt = new Date(model.now + 150).toISOString()
  const sent = Array.from({ length: number }, () =>
    message({ from: sender, to: box, ...(expires && { expiresAt }) }),
  )
  await model.store.mailboxes.send(sent, model.now)
  for (const one of sent) model.known.set(one.id, { message: one, place: model.places++, ended: false })
}

/** What a reader is given must be what it may be given. */
function take(model: Model, box: Box, deliveries: Delivery[], until: number): void {
  for (const { message: given } of deliveries) {
    const known = model.known.get(given.id)
    if (!known) throw new Error(`${given.id} was never sent`)
    const { retryCount: _, ...as } = known.message
    expect(given).toMatchObject(as)
    expect([given.id, known.ended, given.to]).toEqual([given.id, false, box])
    known.heldUntil = until
    const before = [...model.known.values()].filter(
      (other) =>
        samePair(other.message, given) &&
        other.place < known.place &&
        !other.ended &&
        other.heldUntil === undefined,
    )
    expect(before.filter(({ message: { expiresAt } }) => !isPast(expiresAt, model.now))).toEqual([])
  }
}

/** With those that the reader has behind them. */
function letGo({ known }: Model, given: readonly Known[]): void {
  for (const first of given)
    for (const other of known.values())
      if (samePair(first.message, other.message) && other.place >= first.place) delete other.heldUntil
}

const samePair = (one: Message, other: Message) => one.from === other.from && one.to === other.to
const isPast = (time: string | undefined, now: number) => time !== undefined && Date.parse(time) <= now

/** What has ended may be given to nobody. */
async function learn(model: Model): Promise<void> {
  for (const {
    message: { id },
    state,
  } of await model.store.mailboxes.history({ limit: 10_000 })) {
    const known = model.known.get(id)
    if (!known) throw new Error(`${id} was never sent`)
    if (known.ended) expect([id, state]).not.toEqual([id, 'waiting'])
    known.ended = state !== 'waiting'
  }
}

async function redrive(model: Model): Promise<void> {
  await learn(model)
  const dead = await model.store.mailboxes.history({ states: ['dead'] })
  await model.store.mailboxes.redrive(ids(dead.map((delivery) => delivery.message)), model.now)
  for (const { message: again } of dead) {
    const { expiresAt: _, ...kept } = again
    model.known.set(again.id, { message: kept, place: model.places++, ended: false })
  }
}

/** In the end everything is read once, or dead with a reason. */
async function drain(model: Model): Promise<void> {
  model.now += 1_000_000
  const { mailboxes } = model.store
  await mailboxes.expire(model.now, RETRY)
  await learn(model)
  model.now += 1_000_000
  for (const box of BOXES) {
    const reader = { mailbox: box, reader: 'last', now: model.now }
    await openBox(model.store, box, { reader: 'last' })
    letGo(model, [...model.known.values()])
    for (;;) {
      const page = await mailboxes.lease({ ...reader, leaseMs: 1, limit: 3 })
      if (page.length === 0) break
      take(model, box, page, model.now)
      await mailboxes.acknowledge({ ...reader, ids: ids(page.map((delivery) => delivery.message)) })
      await learn(model)
    }
  }
  const all = await mailboxes.history({ limit: 10_000 })
  expect(all.map((delivery) => delivery.message.id).sort()).toEqual([...model.known.keys()].sort())
  for (const { state, reason } of all) {
    expect(['acknowledged', 'dead']).toContain(state)
    if (state === 'dead') expect(['undeliverable', 'expired']).toContain(reason?.code)
  }
}
