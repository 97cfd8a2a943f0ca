import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Client, createClient } from '../../src/api/client.ts'
import type { Answer, RouteName } from '../../src/api/contract.ts'
import type { OrchError } from '../../src/errors.ts'
import { faultsOf, type Letter, type MailHistory, type Sight } from '../support/mail-history.ts'
import { type Orch, startOrch, until } from '../support/orch.ts'
import { overRedis } from '../support/store-choice.ts'

/**
 * kill -9 of the compiled daemon again and again while programs write to each other. How fast that goes is printed and not
 * judged: the machine may have other work.
 */
const AGENTS = 50
const MESSAGES = 10_000
const KILLS = 20

let orch: Orch
/** The newest. */
let crash: Promise<unknown> = Promise.resolve()
const clients: Client[] = []
beforeAll(async () => {
  process.env.ORCH_TEST_DIST = '1'
  // a third of the readers forget what they had: the embedded store does, too, but Redis keeps its leases over a kill
  orch = await startOrch(overRedis ? { ORCH_MESSAGE_LEASE_SECONDS: '5' } : {})
})
afterAll(async () => {
  for (const client of clients) client.close()
  await orch.close()
})

const name = (agent: number) => `program-${agent}`

/** Each writes to others in turn, so that each pair has several messages and each reader has many senders. */
const letters: Letter[] = Array.from({ length: MESSAGES }, (_, count) => {
  const from = count % AGENTS
  const turn = Math.floor(count / AGENTS)
  return { id: `letter-${count}`, from: name(from), to: name((from + 1 + (turn % 20)) % AGENTS) }
})

/** A program with connections of its own. What it asks it asks again until a daemon has answered; `once` gives up. */
function program() {
  const client = createClient({ socketPath: orch.paths.socket })
  clients.push(client)
  type Call<N extends RouteName> = Parameters<typeof client.call<N>>
  const once = <N extends RouteName>(...call: Call<N>): Promise<Answer<N> | undefined> =>
    client.call<N>(...call).catch((error: OrchError) => {
      if (error.code === 'E_DAEMON') return undefined
      throw error
    })
  const ask = async <N extends RouteName>(...call: Call<N>): Promise<Answer<N>> => {
    for (;;) {
      const answer = await once<N>(...call)
      if (answer) return answer
      await crash // so that a hundred programs do not knock while the daemon starts
      await sleep(10)
    }
  }
  return { once, ask }
}

async function write(from: string): Promise<void> {
  const { ask } = program()
  for (const { id, to } of letters.filter((letter) => letter.from === from)) {
    const payload = { text: `The word of ${from} is ${id}.` }
    await ask('sendMessage', { body: { id, from, to, type: 'warning', payload } })
  }
}

/**
 * An acknowledgement counts when it is answered. A third of the readers acknowledge with their next request, a third with one
 * of its own; both repeat it when the daemon died under them. The others forget then what they have not acknowledged, as a
 * program that dies does, and read on.
 */
async function read(agent: number, saw: (what: Sight['what'], ids: string[]) => void): Promise<void> {
  const { once, ask } = program()
  const params = { name: name(agent) }
  let again = false
  const missing = new Set(letters.filter(({ to }) => to === params.name).map(({ id }) => id))
  const done = (ids: string[]) => {
    if (ids.length > 0) saw('acknowledged', ids)
    for (const id of ids) missing.delete(id)
  }
  const acknowledge = async (ids: string[]) => {
    const order = { params, body: { reader: 'test', ids } }
    const answered = await (agent % 3 === 2 ? once : ask)('acknowledge', order)
    if (answered) return done(ids)
    again = true
    for (const id of ids) {
      const { state } = await ask('message', { params: { id } })
      if (state === 'acknowledged') done([id])
    }
  }
  for (let unread: string[] = []; missing.size > 0; ) {
    const order = { reader: 'test', acknowledge: unread, limit: 7, waitMs: 1_000 }
    const answer: Answer<'receive'> | undefined = await once('receive', { params, body: { ...order, again } })
    again = answer === undefined // what was given to it with an answer that was lost is asked for again: docs/messages.md
    if (!answer) {
      await crash
      await sleep(10)
      continue
    }
    const { messages } = answer
    done(unread)
    unread = messages.map(({ message }) => message.id)
    if (unread.length > 0) saw('received', unread)
    if (agent % 3 === 0 || unread.length === 0) continue
    await acknowledge(unread)
    unread = []
  }
}

async function journal(): Promise<MailHistory['journal']> {
  const told: MailHistory['journal'] = []
  // what a killed reader had is given back when its lease is over; the embedded store has forgotten the lease, and says nothing
  for await (const { type, data } of orch.client.events({ after: 0, follow: false }))
    if (type.startsWith('message.') && !(overRedis && type === 'message.returned'))
      told.push({ type, id: String(data?.id) })
  return told
}

it(`loses none of ${MESSAGES} messages over ${KILLS} kills, gives none again, keeps the order`, {
  timeout: 600_000,
}, async () => {
  const agents = Array.from({ length: AGENTS }, (_, agent) => agent)
  for (const agent of agents)
    await orch.client.call('openMailbox', { body: { name: name(agent), reader: 'test' } })

  const seen: Sight[] = []
  const first = new Set<string>()
  let again = 0
  let killedAt: number | undefined
  const firstAfter: number[] = []
  const saw = (reader: string) => (what: Sight['what'], ids: string[]) => {
    seen.push({ reader, what, ids })
    if (what === 'acknowledged') return
    again += ids.filter((id) => first.has(id)).length
    for (const id of ids) first.add(id)
    if (killedAt !== undefined) firstAfter.push(performance.now() - killedAt)
    killedAt = undefined
  }
  const begun = performance.now()
  const all = Promise.all([
    ...agents.map((agent) => write(name(agent))),
    ...agents.map((agent) => read(agent, saw(name(agent)))),
  ])
  all.catch(() => {}) // seen below
  for (let kill = 1; kill <= KILLS; kill++) {
    const due = (kill * MESSAGES) / (KILLS + 1)
    await until(`${due} have come`, () => killedAt === undefined && first.size >= due, 120_000)
    const at = performance.now()
    crash = orch.crash()
    await crash
    killedAt = at // only now: an answer of the old daemon may still have been on its way
  }
  await all
  const seconds = (performance.now() - begun) / 1_000
  firstAfter.sort((a, b) => a - b)
  const share = (part: number) =>
    Math.round(firstAfter[Math.min(firstAfter.length - 1, Math.floor(firstAfter.length * part))] ?? 0)
  console.log(
    `${MESSAGES} messages, ${KILLS} kills: ${Math.round(MESSAGES / seconds)} messages/s, ${again} came again before they were acknowledged; ` +
      `first one after a kill: p50 ${share(0.5)} ms, p99 ${share(0.99)} ms, max ${share(1)} ms`,
  )

  expect(faultsOf({ sent: letters, seen, journal: await journal() })).toEqual([])
  expect(firstAfter.length).toBe(KILLS)
  expect((await orch.client.call('mailStatistics')).states).toEqual({
    waiting: 0,
    acknowledged: MESSAGES,
    dead: 0,
    dropped: 0,
  })
  expect((await orch.client.call('checkStore', {})).faults).toEqual([])
})
