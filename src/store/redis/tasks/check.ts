import { TASK_STATES, type Task } from '../../../task/task.ts'
import { CHECK_TASKS } from '../lua/task-check.ts'
import { LOOK_AT_TASKS } from '../lua/task-read.ts'
import { TASK_ROW } from '../lua/task-row.ts'
import type { RedisTools } from '../tools.ts'
import { type TaskRow, taskOf, WHEN_FULL } from './record.ts'

const PIECE = 100

/** What is wrong with tasks, attempts, leases and the queue, in sentences. In pieces, each of one moment. */
export async function* checkTasks({ redis, prefix, scripts }: RedisTools): AsyncGenerator<string> {
  const check = scripts.define<{ ids: string[] }, string[]>('orchCheckTasks', [], CHECK_TASKS, WHEN_FULL)
  const look = scripts.define<{ ids: string[] }, TaskRow[]>('orchTasks', [TASK_ROW], LOOK_AT_TASKS, WHEN_FULL)
  for (let from = 0; ; from += PIECE) {
    const ids = await redis.zrange(`${prefix}tasks`, from, String(from + PIECE - 1))
    if (ids.length === 0) break
    const there = await Promise.all(ids.map((id) => redis.hget(`${prefix}task:${id}`, 'state')))
    const sound = ids.filter((_, n) => TASK_STATES.includes(there[n] as Task['state']))
    for (const id of ids) if (!sound.includes(id)) yield `task ${id}: it is in no known state`
    yield* await check({ ids: sound })
    try {
      for (const row of await look({ ids: sound })) yield* checkRow(row)
    } catch (error) {
      yield `tasks ${ids[0]} to ${ids.at(-1)}: a record is not readable: ${(error as Error).message}`
    }
  }
  yield* checkPlaces({ redis, prefix })
}

function* checkRow(row: TaskRow): Generator<string> {
  const task = taskOf(row)
  const say = (what: string) => `task ${task.id}: ${what}`
  if ((task.state === 'waiting') !== (task.waitingFor !== undefined))
    yield say('waits for nothing that is named')
  if (['verified', 'accepted'].includes(task.state) && !task.proof) yield say(`${task.state} without a proof`)
  if (row.host && row.until === null) yield say(`${task.state} without the end of its lease`)
}

type Keys = Pick<RedisTools, 'redis' | 'prefix'>

/** Nothing leads to a task that is not there. */
async function* checkPlaces({ redis, prefix }: Keys): AsyncGenerator<string> {
  for (const place of ['leases', 'delayed', 'reserved']) yield* checkMembers({ redis, prefix }, place)
  for await (const lane of members({ redis, prefix }, 'lanes'))
    yield* checkMembers({ redis, prefix }, `lane:${lane}`)
  const all = await Promise.all(
    ['', ...TASK_STATES].map((it) => redis.zcard(`${prefix}tasks${it && `:state:${it}`}`)),
  )
  const [tasks = 0, ...states] = all
  const sum = states.reduce((one, other) => one + other, 0)
  if (sum !== tasks) yield `tasks: there are ${tasks}, but ${sum} by their states`
}

async function* checkMembers({ redis, prefix }: Keys, place: string): AsyncGenerator<string> {
  for await (const id of members({ redis, prefix }, place))
    if (!(await redis.exists(`${prefix}task:${id}`))) yield `${place}: task ${id} is not there`
}

async function* members({ redis, prefix }: Keys, key: string): AsyncGenerator<string> {
  for (let from = 0; ; from += PIECE) {
    const part = await redis.zrange(`${prefix}${key}`, from, String(from + PIECE - 1))
    yield* part
    if (part.length < PIECE) return
  }
}
