import type { RunId, TaskId } from '../../../id.ts'
import { checkSpawn } from '../../../task/family.ts'
import { circleFault } from '../../../task/gate.ts'
import * as life from '../../../task/life.ts'
import type { Fence, Run, Task } from '../../../task/task.ts'
import type { NewTask, SpawnOrder, TaskStore } from '../../store.ts'
import { type EventRow, eventRow } from '../journal/row.ts'
import { ADD_TASK, BEFORE_SPAWN, SPAWN_TASKS, SUBMIT_RUN } from '../lua/task-add.ts'
import { TASK_QUEUE } from '../lua/task-queue.ts'
import { TASK_ROW } from '../lua/task-row.ts'
import type { RedisTools } from '../tools.ts'
import { type Looks, noTask } from './look.ts'
import type { TaskReading } from './read.ts'
import { type AddedTask, addedTask, idsOf, type TaskRow, taskOf, WHEN_FULL } from './record.ts'

interface Added {
  tasks: AddedTask['input'][]
  /** Why they would never be due; said only when the request is new. */
  fault?: string
}
interface SubmitInput extends Added {
  run: RunId
  requestId: string
  record: string
  event: EventRow
}
interface SpawnInput extends Added {
  id: TaskId
  rev: string
  requestId: string
  own: number
  inRun: number
  ids: string
}
interface Family {
  task: TaskRow
  /** Ids of those that the same request made. */
  known: string
  own: number
  run: number
}

export function createAdding(
  { scripts }: RedisTools,
  looks: Looks,
  reading: TaskReading,
): Pick<TaskStore, 'submit' | 'spawn'> {
  const parts = [TASK_QUEUE, ADD_TASK]
  const submitRun = scripts.define<SubmitInput, RunId | undefined>('orchSubmit', parts, SUBMIT_RUN)
  const family = scripts.define<{ id: TaskId; requestId: string }, Family | undefined>(
    'orchBeforeSpawn',
    [TASK_ROW],
    BEFORE_SPAWN,
    WHEN_FULL,
  )
  const spawnTasks = scripts.define<SpawnInput, 'again' | 'done'>('orchSpawn', parts, SPAWN_TASKS)

  async function submit(run: Run, added: NewTask[]) {
    const tasks = added.map((task) => addedTask(run.id, run.createdAt, task))
    const data = { repo: run.repo, tasks: added.length }
    const event = eventRow({ type: 'run.submitted', at: run.createdAt, runId: run.id, data })
    const { id, requestId } = run
    const there = await submitRun({
      run: id,
      requestId,
      record: JSON.stringify(run),
      event,
      ...inputs(tasks),
    })
    if (!there) return { run, tasks: tasks.map(({ task }) => task), created: true }
    const known = (await reading.run(there)) ?? run
    return { run: known, tasks: (await reading.list({ runId: there })).reverse(), created: false }
  }

  async function spawn(fence: Fence, order: SpawnOrder): Promise<{ tasks: Task[]; created: boolean }> {
    for (;;) {
      const there = await family({ id: fence.taskId, requestId: order.requestId })
      if (!there) throw noTask(fence.taskId)
      const parent = taskOf(there.task)
      life.checkFence(parent, fence)
      if (there.known) return { tasks: await looks.named(idsOf(there.known)), created: false }
      checkSpawn(parent, order, there)
      const tasks = order.tasks.map((task) => addedTask(parent.runId, order.now, task, order.requestId))
      if ((await spawnTasks(spawnInput(there, order.requestId, tasks))) === 'done')
        return { tasks: tasks.map(({ task }) => task), created: true }
    }
  }

  return { submit, spawn }
}

function inputs(tasks: AddedTask[]): Added {
  const fault = circleFault(tasks.map(({ task }) => task))
  return { tasks: tasks.map(({ input }) => input), ...(fault && { fault }) }
}

function spawnInput({ task, own, run }: Family, requestId: string, tasks: AddedTask[]): SpawnInput {
  const ids = tasks.map((it) => it.task.id).join(' ')
  const { rev, record } = task
  return { id: record.id, rev, requestId, own, inRun: run, ids, ...inputs(tasks) }
}
