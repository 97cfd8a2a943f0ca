import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type Orch, startOrch } from '../test/support/orch.ts'
import type { Order, Report, Times } from './bus-peer.ts'

/**
 * Messages through the daemon: from the beginning of a durable send in one process until another process has received it (by a
 * request that waits and acknowledges the one before), against a bare round trip over a Unix socket with a bare SQLite commit
 * (WAL, synchronous=FULL), in turns in the same run; and against Node's own HTTP with that commit. Then the same with 50 in flight, and the memory of the daemon with many
 * messages that wait.
 *
 *   npm run build; node bench/bus.ts [--json] [--rounds 5] [--messages 300] [--seconds 1] [--waiting 100000]
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '300' },
    seconds: { type: 'string', default: '1' },
    waiting: { type: 'string', default: '100000' },
  },
})
const ROUNDS = Number(values.rounds)
const PAUSE_MS = 3
const IN_FLIGHT = 50

interface Round {
  perSecond: number
  p50: number
  p99: number
}
interface Row extends Round {
  name: string
  inFlight: number
  ratio: number
}
interface Subject {
  name: string
  inFlight: number
  measure(order: Order): Promise<Round>
}

process.env.ORCH_TEST_DIST ??= '1'
const parent = mkdtempSync(join(tmpdir(), 'orch-bench-'))
const children: ChildProcess[] = []
const running: Orch[] = []

async function peer(...argv: string[]): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('bus-peer.ts', import.meta.url)), argv)
  children.push(child)
  await once(child, 'message')
  return child
}

async function ask<T>(child: ChildProcess, order: Order | number): Promise<T> {
  child.send(order)
  const [answer] = await once(child, 'message')
  return answer as T
}

const quantile = (sorted: number[], part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? 0
const median = (numbers: number[]) =>
  quantile(
    numbers.toSorted((a, b) => a - b),
    0.5,
  )

function figures({ sent }: Report, arrived: Times): Round {
  const begins = new Map(sent)
  const latencies = arrived.map(([id, at]) => at - (begins.get(id) ?? Number.NaN)).sort((a, b) => a - b)
  if (latencies.length !== sent.length || latencies.some(Number.isNaN))
    throw new Error('not each arrived once')
  const ends = arrived.map(([, at]) => at)
  const seconds = (Math.max(...ends) - Math.min(...begins.values())) / 1_000
  return { perSecond: sent.length / seconds, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
}

async function makeSubjects({ paths }: Orch): Promise<Subject[]> {
  const bareSocket = join(parent, 'bare.sock')
  await peer('bare-server', bareSocket, join(parent, 'bare.db'))
  const bareClient = await peer('bare-client', bareSocket)
  const httpSocket = join(parent, 'http.sock')
  await peer('http-server', httpSocket, join(parent, 'http.db'))
  const bare = async (order: Order) => {
    const report = await ask<Report>(bareClient, order)
    return figures(report, report.answered)
  }
  const between = async (socket: string) => {
    const sender = await peer('sender', socket)
    const receiver = await peer('receiver', socket)
    return async (order: Order) => {
      const report = await ask<Report>(sender, order)
      const received = await ask<Times>(receiver, report.sent.length)
      return figures(report, received)
    }
  }
  const http = await between(httpSocket)
  const sent = await between(paths.socket)
  return [
    { name: 'bare socket and commit', inFlight: 1, measure: bare },
    { name: 'bare HTTP and commit', inFlight: 1, measure: http },
    { name: 'sent → received', inFlight: 1, measure: sent },
    { name: 'bare socket and commit', inFlight: IN_FLIGHT, measure: bare },
    { name: 'bare HTTP and commit', inFlight: IN_FLIGHT, measure: http },
    { name: 'sent → received', inFlight: IN_FLIGHT, measure: sent },
  ]
}

async function latencies(subjects: Subject[]): Promise<Row[]> {
  const measured = new Map<Subject, Round[]>(subjects.map((subject) => [subject, []]))
  for (let round = -1; round < ROUNDS; round++) {
    // the first is to warm up
    for (const [index, subject] of subjects.entries()) {
      const lanes = subject.inFlight
      const order = { prefix: `s${index}-r${round + 1}`, lanes, pauseMs: lanes === 1 ? PAUSE_MS : 0 }
      const end = lanes === 1 ? { messages: Number(values.messages) } : { ms: Number(values.seconds) * 1_000 }
      const figures = await subject.measure({ ...order, ...end })
      if (round >= 0) measured.get(subject)?.push(figures)
    }
  }
  const rows = [...measured].map(([{ name, inFlight }, rounds]) => {
    const of = (figure: keyof Round) => median(rounds.map((it) => it[figure]))
    return { name, inFlight, perSecond: of('perSecond'), p50: of('p50'), p99: of('p99') }
  })
  const bare = (inFlight: number) => rows.find((row) => row.inFlight === inFlight)?.p50 ?? Number.NaN
  return rows.map((row) => ({ ...row, ratio: row.p50 / bare(row.inFlight) }))
}

/** Of the daemon, in MB. */
async function residentMB(daemon: Orch): Promise<number> {
  await sleep(3_000) // it has done its work
  const status = readFileSync(`/proc/${await daemon.pid()}/status`, 'utf8')
  return Math.round(Number(status.match(/^VmRSS:\s+(\d+)/m)?.[1] ?? 0) / 1_024)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return Math.round(performance.now() - begun)
}

const WAITING = Number(values.waiting)
const A_MAILBOX = 10_000

/** With messages that wait in mailboxes of the usual size. */
async function memory(daemon: Orch) {
  const emptyMB = await residentMB(daemon)
  const sender = await peer('sender', daemon.paths.socket)
  for (let box = 0; box * A_MAILBOX < WAITING; box++) {
    const name = `bench-${box}`
    await daemon.client.call('openMailbox', { body: { name, reader: 'nobody' } })
    const messages = Math.min(A_MAILBOX, WAITING - box * A_MAILBOX)
    await ask<Report>(sender, { prefix: name, to: name, lanes: IN_FLIGHT, pauseMs: 0, messages })
  }
  const grownMB = await residentMB(daemon)
  await daemon.crash()
  const waitingMB = await residentMB(daemon)
  const { client } = daemon
  return {
    waiting: WAITING,
    emptyMB,
    /** Just after they were sent, and after a new start. */
    grownMB,
    waitingMB,
    checkMs: await timed(() => client.call('checkStore', {})),
    newestMs: await timed(() => client.call('messages', { query: { newest: 'yes' } })),
    ofAMailboxMs: await timed(() => client.call('messages', { query: { to: 'bench-0', newest: 'yes' } })),
    statisticsMs: await timed(() => client.call('mailStatistics')),
    afterCallsMB: await residentMB(daemon),
  }
}

/** Each against the bare one with as many in flight. */
function printTable(rows: Row[]): void {
  console.log(`medians over ${ROUNDS} rounds`)
  console.log('subject                   in flight   per second   p50 ms   p99 ms   × bare p50')
  for (const { name, inFlight, perSecond, p50, p99, ratio } of rows) {
    const figures = [
      String(inFlight).padStart(9),
      perSecond.toFixed(0).padStart(12),
      p50.toFixed(2).padStart(8),
      p99.toFixed(2).padStart(8),
      ratio.toFixed(2).padStart(12),
    ]
    console.log(`${name.padEnd(24)}  ${figures.join(' ')}`)
  }
}

try {
  const first = await startOrch({}, join(parent, 'o'))
  running.push(first)
  const rows = await latencies(await makeSubjects(first))
  const second = await startOrch({}, join(parent, 'm'))
  running.push(second)
  const held = WAITING > 0 ? await memory(second) : undefined
  if (values.json) console.log(JSON.stringify({ bench: 'bus', rounds: ROUNDS, rows, memory: held }, null, 2))
  else {
    printTable(rows)
    if (held) console.table(held)
  }
} finally {
  for (const child of children) child.kill('SIGKILL')
  for (const daemon of running) await daemon.close()
  rmSync(parent, { recursive: true, force: true })
}
