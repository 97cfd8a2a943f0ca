import type { TaskId } from '../id.ts'
import type { Fence, Task } from '../task/task.ts'
import type { Parts } from './parts.ts'
import { runTask } from './run-task.ts'

/** The attempts that this process is driving right now, at most one a task. */
export interface Crew {
  /** Drives the attempt of a held task unless somebody does already. */
  drive(task: Task): void
  drives(taskId: TaskId): boolean
  size(): number
  /** How many are driven in each repository. */
  byRepo(): Map<string, number>
  /** Lets go of one task, wherever it stands. */
  release(taskId: TaskId): Promise<void>
  releaseAll(): Promise<void>
}

interface Drive {
  repo: string
  abort: AbortController
  done: Promise<void>
}

/** `onEnd` is called after each attempt that came to its end. */
export function createCrew(parts: Parts, onEnd: () => void): Crew {
  const drives = new Map<TaskId, Drive>()

  const run = async (fence: Fence, signal: AbortSignal) => {
    try {
      await runTask(parts, fence, signal)
    } catch (error) {
      parts.log.error('an attempt could not be driven on; it is tried again soon', {
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
      if (drives.has(task.id)) return
      const abort = new AbortController()
      const drive: Drive = { repo: task.spec.repo, abort, done: Promise.resolve() }
      drives.set(task.id, drive)
      drive.done = run({ taskId: task.id, epoch: task.epoch, host: parts.host }, abort.signal)
    },
    drives: (taskId) => drives.has(taskId),
    size: () => drives.size,
    byRepo() {
      const counts = new Map<string, number>()
      for (const { repo } of drives.values()) counts.set(repo, (counts.get(repo) ?? 0) + 1)
      return counts
    },
    release,
    releaseAll: async () => {
      await Promise.all([...drives.keys()].map(release))
    },
  }
}

/** Between two tries to drive an attempt on when the machine itself fails (disk full, store closed). */
const RETRY_MS = 2_000
