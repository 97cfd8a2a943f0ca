import type { TaskId } from '../id.ts'
import type { Fence, Task } from '../task/task.ts'
import { runTask } from './attempt/run-task.ts'
import { isOutOfReach } from './outage.ts'
import type { Parts } from './parts.ts'

/** The attempts that this process is driving right now, at most one a task. */
export interface Crew {
  /** Drives the attempt of a held task unless somebody does already, or has the task to himself. */
  drive(task: Task): void
  size(): number
  /** Of the attempts that are driven now. */
  fences(): Fence[]
  /** Lets go of the task wherever it stands, then does `work` while nobody else drives it or has it to himself. */
  alone<T>(taskId: TaskId, work: () => Promise<T>): Promise<T>
  /** Lets go of all tasks for good. */
  close(): Promise<void>
}

interface Drive {
  fence: Fence
  abort: AbortController
  done: Promise<void>
}

/** `onEnd` is called whenever a task is free again: its attempt came to its end, or whoever had it alone is done. */
export function createCrew(parts: Parts, onEnd: () => void): Crew {
  const drives = new Map<TaskId, Drive>()
  const aside = new Map<TaskId, Promise<void>>()
  let closed = false

  const run = async (fence: Fence, signal: AbortSignal) => {
    try {
      await runTask(parts, fence, signal)
    } catch (error) {
      const level = isOutOfReach(parts.store) ? 'debug' : 'error' // that the store is away was said once, for all
      parts.log[level]('an attempt could not be driven on; it is tried again soon', {
        task: fence.taskId,
        error,
      })
      await parts.clock.sleep(RETRY_MS, signal)
    } finally {
      drives.delete(fence.taskId)
      onEnd()
    }
  }
  const release = async (taskId: TaskId) => {
    const drive = drives.get(taskId)
    drive?.abort.abort()
    await drive?.done
  }

  return {
    drive(task) {
      if (closed || drives.has(task.id) || aside.has(task.id)) return
      const abort = new AbortController()
      const fence = { taskId: task.id, epoch: task.epoch, host: parts.host }
      const drive: Drive = { fence, abort, done: Promise.resolve() }
      drives.set(task.id, drive)
      drive.done = run(fence, abort.signal)
    },
    size: () => drives.size,
    fences: () => [...drives.values()].map(({ fence }) => fence),
    async alone(taskId, work) {
      const turn = (aside.get(taskId) ?? Promise.resolve()).then(() => release(taskId)).then(work)
      const over = turn.then(noop, noop)
      aside.set(taskId, over)
      try {
        return await turn
      } finally {
        if (aside.get(taskId) === over) aside.delete(taskId)
        onEnd()
      }
    },
    async close() {
      closed = true
      await Promise.all([...drives.keys()].map(release))
      await Promise.all(aside.values())
    },
  }
}

const noop = () => {}
/** Between two tries to drive an attempt on when the machine itself fails (disk full, store closed). */
const RETRY_MS = 2_000
