import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createClient } from '../src/api/client.ts'
import { pathsIn } from '../src/config/paths.ts'
import { spawnPiped } from '../src/exec.ts'
import { openSqliteStore } from '../src/store/sqlite/sqlite.ts'
import type { Fence, TaskSpec } from '../src/task/task.ts'

/**
 * Durable task transitions per second and their latency: the store against bare `node:sqlite` (a one-row update and an
 * event in one transaction, FULL), in turns in the same run on the same disk. `npx node bench/store.ts [--json]
 * [--seconds 1] [--rounds 5]`. Medians over the rounds; the ratio is against bare SQLite.
 */

/** One way to make durable transitions, ready to be measured. */
interface Subject {
  name: string
  inFlight: number
  /** Makes one transition of the lane's own task durable. */
  transition(lane: number): Promise<void>
  close(): Promise<void>
}

interface Round {
  perSecond: number
  p50: number
  p99: number
}

const LANES = 50

const SPEC: TaskSpec = {
  repo: '/bench',
  title: 'A task of usual size',
  description: 'Fix the failing tests of the parser. '.repeat(10),
  base: 'main',
  branch: 'orch/bench',
  profile: 'general',
  driver: 'claude',
  forge: 'local',
  runtime: 'tmux',
  priority: 0,
  tries: 3,
  publish: 'orch',
  limits: { wallMs: 7_200_000, outputBytes: 134_217_728 },
}

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '1' },
    rounds: { type: 'string', default: '5' },
  },
})
async function main(rounds: number, ms: number): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'orch-bench-store-'))
  try {
    const subjects = await makeSubjects(directory)
    const measured = new Map<Subject, Round[]>(subjects.map((subject) => [subject, []]))
    for (const subject of subjects) await measure(subject, Math.min(ms, 300)) // warm up
    for (let round = 0; round < rounds; round++) {
      for (const subject of subjects) measured.get(subject)?.push(await measure(subject, ms))
    }
    for (const subject of subjects) await subject.close()
    const rows = summarise(measured)
    if (values.json) console.log(JSON.stringify({ bench: 'store', rounds, rows }, null, 2))
    else printTable(rows, rounds)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** The first is what the others are compared with. */
async function makeSubjects(directory: string): Promise<Subject[]> {
  return [
    bareSqlite(join(directory, 'bare.db')),
    await throughStore(join(directory, 'one', 'orch.db'), 1),
    await throughStore(join(directory, 'many', 'orch.db'), LANES),
    await throughSocket(directory, 1),
    await throughSocket(directory, LANES),
  ]
}

/** What SQLite itself can do here: the least that makes a transition and its event durable. */
function bareSqlite(file: string): Subject {
  const db = new DatabaseSync(file)
  db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE tasks (id INTEGER PRIMARY KEY, record TEXT NOT NULL);
    CREATE TABLE events (seq INTEGER PRIMARY KEY, data TEXT NOT NULL)`)
  const record = JSON.stringify({ state: 'working', title: 'x'.repeat(300) })
  db.prepare('INSERT INTO tasks (id, record) VALUES (0, ?)').run(record)
  const begin = db.prepare('BEGIN IMMEDIATE')
  const update = db.prepare('UPDATE tasks SET record = ? WHERE id = 0')
  const insert = db.prepare('INSERT INTO events (data) VALUES (?)')
  const commit = db.prepare('COMMIT')
  let turn = 0
  return {
    name: 'bare node:sqlite',
    inFlight: 1,
    transition: async () => {
      begin.run()
      update.run(`${record} ${turn++ % 10}`)
      insert.run('{"type":"task.waiting","taskId":"t-0123456789ab"}')
      commit.run()
    },
    close: async () => db.close(),
  }
}

/** The store as the daemon calls it: each lane moves a task of its own between working and waiting. */
async function throughStore(file: string, inFlight: number): Promise<Subject> {
  const store = await openSqliteStore({ file })
  const run = { id: 'r-bench', requestId: 'bench-request', repo: '/bench', createdAt: 0 } as const
  const tasks = Array.from({ length: LANES }, (_, n) => ({ id: `t-${n}` as const, spec: SPEC }))
  await store.tasks.submit(run, tasks)
  const lanes: { fence: Fence; waits: boolean }[] = []
  for (let n = 0; n < inFlight; n++) {
    const agent = () => `agent-${n}`
    const claimed = await store.tasks.claim({ host: 'local', now: 0, leaseMs: 1_000, agent })
    if (!claimed) throw new Error('nothing to claim')
    await store.tasks.start(claimed.fence, 0)
    lanes.push({ fence: claimed.fence, waits: false })
  }
  return {
    name: 'store',
    inFlight,
    transition: async (lane) => {
      const own = lanes[lane] as (typeof lanes)[number]
      await (own.waits ? store.tasks.resume(own.fence, 1) : store.tasks.wait(own.fence, 1, 'input'))
      own.waits = !own.waits
    },
    close: () => store.close(),
  }
}

/** Through the Unix socket API, client and server in two processes: each lane cancels its task and brings it back. */
async function throughSocket(directory: string, inFlight: number): Promise<Subject> {
  const state = join(directory, `socket-${inFlight}`)
  const program = fileURLToPath(new URL('store-server.ts', import.meta.url))
  const server = spawnPiped([process.execPath, program, state, String(LANES), JSON.stringify(SPEC)], {
    env: {},
  })
  await once(server.stdout ?? server, 'data')
  const client = createClient({ socketPath: pathsIn(state).socket })
  const cancelled = new Set<number>()
  return {
    name: 'store through the socket',
    inFlight,
    transition: async (lane) => {
      const again = cancelled.delete(lane)
      if (!again) cancelled.add(lane)
      await client.call(again ? 'retry' : 'cancel', { params: { id: `t-${lane}` } })
    },
    close: async () => {
      client.close()
      server.kill('SIGKILL')
      await once(server, 'close')
    },
  }
}

async function measure(subject: Subject, ms: number): Promise<Round> {
  const latencies: number[] = []
  const begun = performance.now()
  const runLane = async (lane: number) => {
    for (let at = performance.now(); at - begun < ms; ) {
      await subject.transition(lane)
      const now = performance.now()
      latencies.push(now - at)
      at = now
    }
  }
  await Promise.all(Array.from({ length: subject.inFlight }, (_, lane) => runLane(lane)))
  const seconds = (performance.now() - begun) / 1_000
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? 0
  return { perSecond: latencies.length / seconds, p50: at(0.5), p99: at(0.99) }
}

interface Row extends Round {
  name: string
  inFlight: number
  ratio: number
}

function summarise(measured: Map<Subject, Round[]>): Row[] {
  const rows = [...measured].map(([{ name, inFlight }, rounds]) => {
    const of = (figure: keyof Round) => median(rounds.map((round) => round[figure]))
    return { name, inFlight, perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), ratio: 1 }
  })
  return rows.map((row) => ({ ...row, ratio: row.perSecond / (rows[0]?.perSecond ?? 1) }))
}

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

function printTable(rows: Row[], rounds: number): void {
  console.log(`durable transitions, medians over ${rounds} rounds`)
  console.log('subject                       in flight   per second   p50 ms   p99 ms   × bare')
  for (const { name, inFlight, perSecond, p50, p99, ratio } of rows) {
    const figures = [
      String(inFlight).padStart(9),
      perSecond.toFixed(0).padStart(12),
      p50.toFixed(3).padStart(8),
      p99.toFixed(3).padStart(8),
      ratio.toFixed(2).padStart(8),
    ]
    console.log(`${name.padEnd(28)}  ${figures.join(' ')}`)
  }
}

await main(Number(values.rounds), Number(values.seconds) * 1_000)
