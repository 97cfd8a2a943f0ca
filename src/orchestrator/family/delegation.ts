import { OrchError } from '../../errors.ts'
import type { Task } from '../../task/task.ts'
import { workspaceOf } from '../attempt/stop.ts'
import { fingerprint } from '../bus/derived-id.ts'
import type { Parts } from '../parts.ts'
import type { Parent } from './bring-in.ts'
import { type ChildOrder, spawnTasks } from './spawn.ts'

/** A part of its work that an agent gives to another. */
export interface PartOrder {
  title: string
  description: string
  profile?: string | undefined
  validate?: string[] | undefined
  priority?: number | undefined
}

/** Calls with the same name are the same; without one, those of an attempt that ask for the same. */
const requestOf = ({ task, attempt }: Parent, parts: readonly PartOrder[], name?: string): string => {
  const about = name === undefined ? [attempt.epoch, parts] : [name]
  return `delegate-${task.id}-${fingerprint(...about)}`
}

/**
 * Makes a task of each part. Where branches are merged, they start from what the parent has committed, and their proof is
 * their commits; else each starts from the parent's base and ends in a pull request of its own.
 * @throws OrchError E_LIMIT, E_STALE, E_STATE (the branch is gone), and what `submit` throws
 */
export async function delegateParts(
  parts: Parts,
  parent: Parent,
  orders: readonly PartOrder[],
  name?: string,
): Promise<{ tasks: Task[]; created: boolean }> {
  const { integrate } = await parts.settings(parent.task.spec.repo)
  const place = integrate === 'merge' ? await placeIn(parts, parent.task) : {}
  const children = orders.map((order) => childOf(order, place))
  return await spawnTasks(parts, parent, requestOf(parent, orders, name), children)
}

async function placeIn(parts: Parts, task: Task): Promise<Pick<ChildOrder, 'proof' | 'from'>> {
  const from = await parts.workspaces.head(workspaceOf(parts, task))
  if (from) return { proof: 'branch', from }
  throw new OrchError('E_STATE', `your branch ${task.spec.branch} is gone: there is nothing to start from`, {
    fix: `Make it again (git branch ${task.spec.branch}), then delegate.`,
  })
}

function childOf(
  { title, description, profile, validate, priority }: PartOrder,
  place: Pick<ChildOrder, 'proof' | 'from'>,
): ChildOrder {
  return {
    title,
    description,
    ...(profile !== undefined && { profile }),
    ...(validate && { validate }),
    ...(priority !== undefined && { priority }),
    ...place,
    origin: { kind: 'delegation' },
  }
}
