import * as life from '../../../task/life.ts'
import { type Attempt, NO_USAGE } from '../../../task/task.ts'
import type { Claimed, ClaimRequest } from '../../store.ts'
import { OFFER_TASK, RELEASE_TASK } from '../lua/task-offer.ts'
import { TASK_QUEUE } from '../lua/task-queue.ts'
import { TASK_ROW } from '../lua/task-row.ts'
import { defineTogether } from '../script/together.ts'
import type { RedisTools } from '../tools.ts'
import type { Mover, Step } from './move.ts'
import { exceptOf, type Look, lookOf, offersOf, type TaskRow, WHEN_FULL } from './record.ts'

interface OfferInput {
  now: number
  reserve: number
  except: Record<string, true>
  offers?: Record<string, true>
}

/** For so long a task that is being leased is kept from others. A host that dies in between delays it by no more. */
const RESERVE_MS = 5_000

export function createClaims({ scripts }: RedisTools, { move }: Mover) {
  const parts = [TASK_QUEUE, TASK_ROW]
  const offer = defineTogether<OfferInput, TaskRow | 'more' | undefined>(
    scripts,
    'orchOffer',
    parts,
    OFFER_TASK,
  )
  const release = scripts.define<{ id: string }, void>('orchRelease', [TASK_QUEUE], RELEASE_TASK, WHEN_FULL)

  /** Undefined when another host was faster. Whatever fails, the task is there for others at once. */
  async function lease(look: Look, request: ClaimRequest): Promise<Claimed | undefined> {
    try {
      const { step, attempt } = leaseOf(look, request)
      const task = await move(look, step)
      const { taskId, epoch, host } = attempt
      return task && { task, attempt, fence: { taskId, epoch, host } }
    } catch (error) {
      await release({ id: look.task.id })
      throw error
    }
  }

  return async (request: ClaimRequest): Promise<Claimed | undefined> => {
    const { now, except } = request
    const offers = offersOf(request.offers)
    const input = { now, reserve: now + RESERVE_MS, except: exceptOf(except), ...(offers && { offers }) }
    for (;;) {
      const offered = await offer(input)
      if (!offered) return undefined
      const claimed = offered === 'more' ? undefined : await lease(lookOf(offered), request)
      if (claimed) return claimed
    }
  }
}

function leaseOf({ task: before }: Look, { host, now, leaseMs, agent: name }: ClaimRequest) {
  const agent = name(before, before.epoch + 1)
  const change = life.lease(before, { host, now, leaseMs, agent })
  const { id: taskId, runId, epoch } = change.task
  const cursor = { out: 0, log: 0 }
  const attempt: Attempt = { taskId, runId, epoch, agent, host, startedAt: now, usage: NO_USAGE, cursor }
  const step: Step = { ...change, begin: attempt }
  return { step, attempt }
}
