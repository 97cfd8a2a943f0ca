import { type Fence, HELD_STATES, type Task } from '../task/task.ts'
import { agentName } from './agent-name.ts'
import type { Crew } from './crew.ts'
import { agentMayWorkUntil, leaseMsOf } from './lease.ts'
import type { Parts } from './parts.ts'
import type { Strays } from './strays.ts'

/**
 * The tasks that this host holds, for as long as the store confirms it.
 *
 * Where hosts share a store, nobody else takes a task before its lease there has ended; and this host has its agents end
 * `LEASE_MARGIN_MS` (lease.ts) before that, whatever its daemon does: their shims watch the clock (the file `lease`, runtime.ts). Only
 * what the store has confirmed is written there. So no two hosts run a task at once, and no host has to know what margin
 * another one keeps.
 */
export interface Tenure {
  /** Renews once, and then again and again. @throws what the store throws the first time */
  begin(): Promise<void>
  /** Renews now: the store is back. */
  renew(): Promise<void>
  end(): Promise<void>
}

/** Between two tries to renew. */
const AGAIN_MS = 250

export function createTenure(parts: Parts, crew: Crew, strays: Strays): Tenure {
  const { store, clock, log, host } = parts
  const closed = new AbortController()
  let going: Promise<void> | undefined
  let leaving: Promise<unknown> = Promise.resolve()
  let stop = () => {}

  const once = async () => {
    const driven = crew.fences() // what is claimed meanwhile is not in question
    await store.tasks.renew(host, clock.now(), leaseMsOf(parts))
    if (!store.exchange) return
    const held = await store.tasks.list({ host, states: [...HELD_STATES] })
    await Promise.all(held.map((task) => moveOn(parts, task)))
    const gone = driven.filter((fence) => !held.some((task) => isOf(task, fence)))
    if (gone.length > 0) leaving = Promise.all([leaving, letGo(gone).catch(notLeft)])
  }
  /** What another host may have by now: our agent has ended, or ends now; its work is saved here. Renewing does not wait for it. */
  const letGo = async (gone: Fence[]) => {
    await Promise.all(gone.map(({ taskId }) => crew.alone(taskId, noop)))
    await strays.end()
  }
  const notLeft = (error: unknown) =>
    log.warn('a task that is not held any more could not be left', { error })
  const untilDone = async () => {
    for (let tries = 1; !closed.signal.aborted; tries++) {
      try {
        return await once()
      } catch (error) {
        if (tries === 1) log.warn('leases could not be renewed; it is tried again until they are', { error })
        await clock.sleep(AGAIN_MS, closed.signal)
      }
    }
  }
  const renew = () => {
    going ??= untilDone().finally(() => {
      going = undefined
    })
    return going
  }
  return {
    async begin() {
      await once()
      stop = clock.every((parts.config.leaseSeconds * 1_000) / 3, () => void renew())
    },
    renew,
    async end() {
      stop()
      closed.abort()
      await going
      await leaving
    },
  }
}

const noop = async () => {}
const isOf = ({ id, epoch }: Task, fence: Fence) => id === fence.taskId && epoch === fence.epoch

/** An agent that hears of it too late only ends early. */
async function moveOn(parts: Parts, task: Task): Promise<void> {
  const until = agentMayWorkUntil(parts, task)
  const agent = agentName(task, task.epoch)
  if (until === undefined) return
  await parts.directories.hold(agent, until).catch((error) => {
    parts.log.warn('the lease of an agent could not be moved on', { agent, error })
  })
}
