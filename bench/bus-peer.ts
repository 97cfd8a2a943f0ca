import { once } from 'node:events'
import { createServer as createHttpServer, type ServerResponse } from 'node:http'
import { connect, createServer, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '../src/api/client.ts'

/**
 * One of the processes of bench/bus.ts, told by its parent what to do: `sender SOCKET` and `receiver SOCKET` (each with a
 * connection of its own), `bare-client SOCKET`, `bare-server SOCKET FILE`, `http-server SOCKET FILE`. Times are ms of the
 * system's monotonic clock, which is one for all processes.
 */

export interface Order {
  /** Mailbox; that of the receiver when absent. */
  to?: string
  /** Begins every id. */
  prefix: string
  lanes: number
  /** Between one message and the next of a lane, in ms. */
  pauseMs: number
  /** The end, by messages or by time. */
  messages?: number
  ms?: number
}
/** Ids with a time each. */
export type Times = [id: string, at: number][]
export interface Report {
  /** When each was sent, and what it took until it was answered that it is durable. */
  sent: Times
  answered: Times
}

const TEXT = 'The parser takes a semicolon for the end of a file. '.repeat(4)
const now = () => Number(process.hrtime.bigint()) / 1e6
const tell = (value: unknown) => process.send?.(value)

async function inLanes(order: Order, send: (id: string, lane: number) => Promise<void>): Promise<Report> {
  const report: Report = { sent: [], answered: [] }
  const until = now() + (order.ms ?? Number.POSITIVE_INFINITY)
  let count = 0
  const runLane = async (lane: number) => {
    while (count < (order.messages ?? Number.POSITIVE_INFINITY) && now() < until) {
      const id = `${order.prefix}-${count++}-bench`
      report.sent.push([id, now()])
      await send(id, lane)
      report.answered.push([id, now()])
      if (order.pauseMs > 0) await sleep(order.pauseMs)
    }
  }
  await Promise.all(Array.from({ length: order.lanes }, (_, lane) => runLane(lane)))
  return report
}

async function sender(socketPath: string): Promise<void> {
  const client = createClient({ socketPath }, { lines: true })
  await client.call('openMailbox', { body: { name: 'bench-sender', reader: 'bench' } })
  process.on('message', async (order: Order) => {
    const to = order.to ?? 'bench-receiver'
    const report = await inLanes(order, async (id) => {
      const payload = { text: TEXT }
      await client.call('sendMessage', { body: { id, from: 'bench-sender', to, type: 'warning', payload } })
    })
    tell(report)
  })
  tell('ready')
}

/** Takes what comes and acknowledges it with the next request. Tells all times when it has as many as its parent says. */
async function receiver(socketPath: string): Promise<void> {
  const client = createClient({ socketPath }, { lines: true })
  const params = { name: 'bench-receiver' }
  const reader = 'bench'
  await client.call('openMailbox', { body: { ...params, reader } })
  let received: Times = []
  let wanted: number | undefined
  process.on('message', (messages: number) => {
    wanted = messages
    done()
  })
  const done = () => {
    if (wanted === undefined || received.length < wanted) return
    tell(received)
    received = []
    wanted = undefined
  }
  tell('ready')
  for (let acknowledge: string[] = []; ; ) {
    const body = { reader, acknowledge, limit: 50, waitMs: 30_000 }
    const { messages } = await client.call('receive', { params, body })
    const at = now()
    acknowledge = messages.map(({ message }) => message.id)
    for (const id of acknowledge) received.push([id, at])
    done()
  }
}

/** Gives what makes a message durable, in a transaction of its own. */
function bareStore(file: string): StatementSync {
  const db = new DatabaseSync(file)
  db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE messages (ordinal INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, message TEXT NOT NULL)`)
  return db.prepare('INSERT INTO messages (id, message) VALUES (?, ?)')
}

/** The least that makes a line durable and says so. */
async function bareServer(path: string, file: string): Promise<void> {
  const insert = bareStore(file)
  const server = createServer((socket) => {
    createInterface({ input: socket }).on('line', (line) => {
      const { id } = JSON.parse(line) as { id: string }
      insert.run(id, line)
      socket.write(`${JSON.stringify({ id })}\n`)
    })
  })
  await once(server.listen(path), 'listening')
  tell('ready')
}

/** What HTTP itself takes: the verbs of sender and receiver, with nothing behind them but the same commit. */
async function httpServer(path: string, file: string): Promise<void> {
  const insert = bareStore(file)
  let reader: ServerResponse | undefined
  let waiting: unknown[] = []
  const answer = (response: ServerResponse, body: unknown) => {
    const text = JSON.stringify(body)
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
    })
    response.end(text)
  }
  const deliver = () => {
    if (!reader || waiting.length === 0) return
    answer(reader, { messages: waiting })
    reader = undefined
    waiting = []
  }
  const server = createHttpServer(async (request, response) => {
    const body = await text(request)
    if (request.url === '/v1/messages') {
      const message = JSON.parse(body) as { id: string }
      insert.run(message.id, body)
      waiting.push({ message })
      answer(response, { id: message.id })
    } else if (request.url?.endsWith('/receive')) {
      const { acknowledge } = JSON.parse(body) as { acknowledge: string[] }
      if (acknowledge[0]) insert.run(`${acknowledge[0]} read`, body)
      reader = response
    } else answer(response, {})
    deliver()
  })
  server.keepAliveTimeout = 60_000 // a lane may have nothing to send while others are measured
  await once(server.listen(path), 'listening')
  tell('ready')
}

async function bareClient(path: string): Promise<void> {
  const lanes: { socket: Socket; answered: () => void }[] = []
  const lane = async (index: number) => {
    const socket = connect(path)
    await once(socket, 'connect')
    const own = { socket, answered: () => {} }
    createInterface({ input: socket }).on('line', () => own.answered())
    lanes[index] = own
    return own
  }
  process.on('message', async (order: Order) => {
    const report = await inLanes(order, async (id, index) => {
      const own = lanes[index] ?? (await lane(index))
      const answered = new Promise<void>((resolve) => {
        own.answered = resolve
      })
      own.socket.write(
        `${JSON.stringify({ id, to: 'bench-receiver', type: 'warning', payload: { text: TEXT } })}\n`,
      )
      await answered
    })
    tell(report)
  })
  tell('ready')
}

const [role = '', socket = '', file = ''] = process.argv.slice(2)
process.on('disconnect', () => process.exit())
const roles: Record<string, () => Promise<void>> = {
  sender: () => sender(socket),
  receiver: () => receiver(socket),
  'bare-server': () => bareServer(socket, file),
  'bare-client': () => bareClient(socket),
  'http-server': () => httpServer(socket, file),
}
await roles[role]?.()
