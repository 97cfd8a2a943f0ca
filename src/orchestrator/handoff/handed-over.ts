import { judgeHandedOver, type Receiver } from '../../handoff/handed-over.ts'
import type { TaskId } from '../../id.ts'
import type { Task } from '../../task/task.ts'
import { workspaceOf } from '../attempt/stop.ts'
import type { Parts } from '../parts.ts'

/** Tasks that have taken this task's work over: then it goes on in their pull requests, and asks for no proof of its own. */
export async function handedOver(parts: Parts, task: Task): Promise<TaskId[]> {
  const takers = await takersOf(parts, task)
  const head = takers.length > 0 && (await parts.workspaces.head(workspaceOf(parts, task)))
  if (!head) return []
  return judgeHandedOver(await Promise.all(takers.map((taker) => receiverOf(parts, taker, head))))
}

/** A line for each, for an attempt that begins when the one before had handed its work over and ended badly. */
export async function takersSummary(parts: Parts, task: Task): Promise<string[]> {
  return (await takersOf(parts, task)).map(
    ({ id, state, spec }) =>
      `- ${id} (${spec.title}): ${state}, goes on with your work from commit ${spec.from?.slice(0, 10)}; do not do it again`,
  )
}

/** Only tasks that were made for it, which begin with its commits: so nobody hands work round in a circle. */
async function takersOf({ store }: Parts, { id }: Task): Promise<Task[]> {
  const made = await store.tasks.list({ parent: id })
  return made.filter(({ spec: { origin } }) => origin?.kind === 'handoff' && origin.transfers).reverse()
}

async function receiverOf(parts: Parts, taker: Task, head: string): Promise<Receiver> {
  const { repo } = taker.spec
  const start = await startOf(parts, taker)
  return {
    id: taker.id,
    state: taker.state,
    hasHead: start !== undefined && (await parts.workspaces.contains(repo, head, start)),
    hasPart: start !== undefined && (await parts.workspaces.contains(repo, start, head)),
  }
}

/** The commit that a task's branch starts from; undefined while nobody knows. */
export async function startOf({ store }: Pick<Parts, 'store'>, task: Task): Promise<string | undefined> {
  return task.spec.from ?? (await store.tasks.attempts(task.id)).find(({ from }) => from)?.from
}
