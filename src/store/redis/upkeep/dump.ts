import type { PullRecord } from '../../../forge/local/records.ts'
import type { RunId } from '../../../id.ts'
import type { Attempt, Run } from '../../../task/task.ts'
import type { Mailboxes } from '../../mailboxes.ts'
import type { RecordKind, StoreRecord } from '../../transfer.ts'
import { eventOf } from '../journal/row.ts'
import { CHANGED, DUMP, WHOLE } from '../lua/transfer.ts'
import { type Flat, fieldsOf, type MessageRow, toDelivery, toMailbox } from '../mail/rows.ts'
import { type TaskRow, taskOf } from '../tasks/record.ts'
import type { RedisTools } from '../tools.ts'

/** So many records, or about a megabyte, are one answer. */
const PIECE = 100
const EVENTS = 250

interface WholeTask {
  row: TaskRow
  request: string
  attempts: Attempt[]
}
type Entry = [id: string, fields: string[]]
interface Changed {
  events: Entry[]
  run: Run[]
  task: WholeTask[]
  box: [string, Flat][]
  message: MessageRow[]
  pull: PullRecord[]
}
type Indexed = Exclude<RecordKind, 'pull' | 'event'>
type Kept = Exclude<Indexed, 'message'>

const RECORD: { [K in Indexed]: (raw: never) => StoreRecord } = {
  run: (run: Run) => ({ kind: 'run', run }),
  task: ({ row, request, attempts }: WholeTask) => ({
    kind: 'task',
    task: taskOf(row),
    ...(request && { requestId: request }),
    attempts,
  }),
  box: ([name, flat]: [string, Flat]) => ({ kind: 'box', box: toMailbox(name, flat) }),
  message: (row: MessageRow) => {
    const { r } = fieldsOf(row[0])
    return { kind: 'message', delivery: toDelivery(row), ...(r && { runId: r as RunId }) }
  },
}
const eventRecord = ([id, fields]: Entry): StoreRecord => ({ kind: 'event', event: eventOf(id, fields) })

export interface RedisDump {
  /** Everything but events, in the order of `StoreRecord`. */
  records(): AsyncGenerator<StoreRecord[]>
  /** Events up to a seq. */
  events(upTo: number): AsyncGenerator<StoreRecord[]>
  /** Events behind a seq, each piece with all that it names as it is then; ends with a piece that is the truth at one moment. */
  changes(after: number): AsyncGenerator<StoreRecord[]>
}

/** What the store holds, read in pieces while others may work. */
export function createDump({ redis, prefix, scripts }: RedisTools, history: Mailboxes['history']): RedisDump {
  const piece = scripts.define<
    { index: string; after: string; piece: number; kind: Indexed },
    { found: never[]; after: string | null }
  >('orchDump', [WHOLE], DUMP, { evenWhenFull: true })
  const changed = scripts.define<{ after: number; piece: number }, Changed>('orchChanged', [WHOLE], CHANGED, {
    evenWhenFull: true,
  })

  async function* indexed(kind: Kept, index: string): AsyncGenerator<StoreRecord[]> {
    for (let after = '-inf'; ; ) {
      const { found, after: last } = await piece({ index, after, piece: PIECE, kind })
      if (found.length > 0) yield found.map((raw) => RECORD[kind](raw))
      if (last === null) return
      after = last
    }
  }
  async function* messages(): AsyncGenerator<StoreRecord[]> {
    for (let after = 0; ; ) {
      const found = await history({ after, limit: PIECE })
      const runs = await Promise.all(
        found.map(({ message }) => redis.hget(`${prefix}message:${message.id}`, 'r')),
      )
      yield found.map((delivery, n) => {
        const runId = runs[n]
        return { kind: 'message', delivery, ...(runId && { runId: runId as RunId }) }
      })
      if (found.length < PIECE) return
      after = found.at(-1)?.ordinal ?? after
    }
  }
  async function* pulls(): AsyncGenerator<StoreRecord[]> {
    const last = Object.entries(await redis.hgetall(`${prefix}pulls`))
    last.sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    for (const [repo, count] of last) {
      for (let from = 1; from <= Number(count); from += PIECE) {
        const numbers = Array.from({ length: PIECE }, (_, n) => `${from + n}`)
        const found = await redis.hmget(`${prefix}pulls:${repo}`, ...numbers)
        const records = found.flatMap((text) => (text === null ? [] : [JSON.parse(text) as PullRecord]))
        if (records.length > 0) yield records.map((pull) => ({ kind: 'pull', pull }))
      }
    }
  }

  return {
    async *records() {
      yield* indexed('run', 'runs')
      yield* indexed('task', 'tasks')
      yield* indexed('box', 'mail:boxes')
      yield* messages()
      yield* pulls()
    },
    async *events(upTo) {
      for (let after = 0; after < upTo; ) {
        const entries = await redis.xrange(`${prefix}journal`, `(${after}-0`, `${upTo}-0`, 'COUNT', EVENTS)
        if (entries.length > 0) yield entries.map(eventRecord)
        if (entries.length < EVENTS) return
        after = Number.parseInt(entries.at(-1)?.[0] ?? '0', 10)
      }
    },
    async *changes(from) {
      for (let after = from; ; ) {
        const { events, ...records } = await changed({ after, piece: EVENTS })
        const kinds = ['run', 'task', 'box', 'message'] as const
        const named = kinds.flatMap((kind) => records[kind].map((raw) => RECORD[kind](raw as never)))
        const own = records.pull.map((pull): StoreRecord => ({ kind: 'pull', pull }))
        yield [...named, ...own, ...events.map(eventRecord)]
        if (events.length < EVENTS) return
        after = Number.parseInt(events.at(-1)?.[0] ?? '0', 10)
      }
    },
  }
}
