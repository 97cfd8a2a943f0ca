import type { AgentEvent } from '../../journal/journal.ts'
import type { Task, WaitingFor } from '../../task/task.ts'
import type { Held } from './held.ts'

/** Keeps the task's state in step with what the agent is at: working, or waiting and for what. */
export interface Place {
  readonly waitingFor: WaitingFor | undefined
  /** When a quota comes back. */
  readonly resetAt: number | undefined
  wait(waitingFor: WaitingFor, resetAt?: number): Promise<void>
  work(): Promise<void>
  /** As the events say: the last that tells it counts. */
  follow(events: readonly AgentEvent[]): Promise<void>
}

export function createPlace({ parts, task, fence }: Held): Place {
  const { clock, store } = parts
  let now: Task = task
  const work = async () => {
    if (now.state === 'waiting') now = await store.tasks.resume(fence, clock.now())
  }
  const wait = async (waitingFor: WaitingFor, resetAt?: number) => {
    if (now.waitingFor === waitingFor && now.resetAt === resetAt) return
    await work()
    now = await store.tasks.wait(fence, clock.now(), waitingFor, resetAt)
  }
  return {
    get waitingFor() {
      return now.waitingFor
    },
    get resetAt() {
      return now.resetAt
    },
    wait,
    work,
    async follow(events) {
      const last = events.findLast(tells)
      if (last?.type === 'waiting') await wait(last.for, last.resetAt)
      else if (last) await work()
    },
  }
}

/** Whether an event tells what the agent is at. */
export const tells = ({ type }: AgentEvent): boolean => !['usage', 'note', 'quota.hit'].includes(type)
