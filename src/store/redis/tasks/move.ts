import { randomUUID } from 'node:crypto'
import { OrchError } from '../../../errors.ts'
import type { TaskId } from '../../../id.ts'
import type { Change } from '../../../task/life.ts'
import { type Attempt, isFinal, type Reason, type Task } from '../../../task/task.ts'
import { type EventRow, eventRow } from '../journal/row.ts'
import { TASK_MAIL } from '../lua/task-mail.ts'
import { MOVE_TASK } from '../lua/task-move.ts'
import { TASK_GATE, TASK_QUEUE } from '../lua/task-queue.ts'
import { defineTogether } from '../script/together.ts'
import type { RedisTools } from '../tools.ts'
import { type Looks, noTask } from './look.ts'
import { attemptFields, fieldsOf, type Look, recordOf, WHEN_FULL } from './record.ts'

/** An arrow and what goes with it. */
export interface Step extends Change {
  begin?: Attempt
  end?: { outcome: NonNullable<Attempt['outcome']>; reason?: Reason }
  /** Only if its lease ended before this time (ms). */
  lapsed?: number
  retried?: true
}

export interface Mover {
  /** Undefined when the task has moved since that look. */
  move(look: Look, step: Step): Promise<Task | undefined>
  /**
   * Decides by what is there and moves it; decides anew as long as others are faster.
   * @throws OrchError E_NOT_FOUND, and what `decide` throws of a task as it is now
   */
  change(id: TaskId, decide: (task: Task) => Step): Promise<Task>
}

interface MoveInput {
  id: TaskId
  rev: string
  by: string
  state: string
  epoch: number
  host: string
  ends?: number
  due: number
  at: number
  record: string
  event: EventRow
  agent?: string
  begin?: string[]
  ended?: string[]
  lapsed?: number
  mail?: 'ended' | 'retried'
  code?: string
  message?: string
}

type Moved = [rev: string, until: number] | 'again' | 'none'

/** Each time another host has moved the task; more than a few mean that something is wrong. */
const MOST_LOOKS = 50

export function createMover({ scripts }: RedisTools, looks: Looks): Mover {
  const parts = [TASK_QUEUE, TASK_GATE, TASK_MAIL]
  const by = `.${randomUUID().slice(0, 8)}`
  const script = defineTogether<MoveInput, Moved>(scripts, 'orchMove', parts, MOVE_TASK)
  const end = defineTogether<MoveInput, Moved>(scripts, 'orchEnd', parts, MOVE_TASK, WHEN_FULL)

  async function move(look: Look, step: Step): Promise<Task | undefined> {
    const answer = await (step.end ? end : script)(inputOf(look, step, by))
    if (answer === 'none') throw noTask(step.task.id)
    if (answer === 'again') return void looks.forget(step.task.id)
    const { lease } = step.task
    const [rev, until] = answer
    const task = lease ? { ...step.task, lease: { ...lease, until } } : step.task
    looks.note({ task, rev })
    return task
  }

  return {
    move,
    async change(id, decide) {
      let known = looks.last(id)
      for (let times = 0; times < MOST_LOOKS; times++) {
        const look = known ?? (await looks.read(id))
        const step = tried(() => decide(look.task), known)
        known = undefined
        const task = step && (await move(look, step))
        if (task) return task
      }
      throw new OrchError('E_STORE', `${id} moves faster than it can be read`)
    },
  }
}

/** What an old look leads to is no refusal yet. */
function tried<T>(decide: () => T, old: Look | undefined): T | undefined {
  try {
    return decide()
  } catch (error) {
    if (!old) throw error
    return undefined
  }
}

function inputOf({ rev, task: before }: Look, step: Step, by: string): MoveInput {
  const { task, event, begin, end, lapsed, retried } = step
  const { id, state, epoch, lease, notBefore = 0 } = task
  const ended = end && fieldsOf({ endedAt: event.at, ...end })
  return {
    id,
    rev,
    by,
    state,
    epoch,
    host: lease?.host ?? '',
    ...(lease && lease.host !== before.lease?.host && { ends: lease.until }),
    due: notBefore,
    at: event.at,
    record: recordOf(task),
    event: eventRow(event),
    ...(begin && { agent: begin.agent, begin: attemptFields(begin) }),
    ...(ended && { ended }),
    ...(lapsed !== undefined && { lapsed }),
    ...mailOf(task, retried),
  }
}

function mailOf({ id, state, reason }: Task, retried?: true): Pick<MoveInput, 'mail' | 'code' | 'message'> {
  if (retried) return { mail: 'retried' }
  if (!isFinal(state)) return {}
  const why = state === 'accepted' || !reason ? '' : `: ${reason.message}`
  return { mail: 'ended', code: state, message: `${id} is ${state}${why}`.toWellFormed() }
}
