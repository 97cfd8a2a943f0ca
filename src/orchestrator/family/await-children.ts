import { checkFence } from '../../task/life.ts'
import type { Attempt, Task } from '../../task/task.ts'
import { createBell } from '../attempt/bell.ts'
import { conversationOf, driverOf } from '../attempt/driver-choice.ts'
import { whileAsking } from '../conversation/asking.ts'
import type { Parts } from '../parts.ts'
import type { Parent } from './bring-in.ts'
import { type ChildResult, resultIdOf } from './child-result.ts'
import { childrenOf, settleChildren } from './children.ts'

/** One call of a tool waits no longer: clients of MCP give up after 60 s, as like as not. */
export const MOST_WAIT_SECONDS = 45

/** A child as its parent sees it. `result` when it is at its end and the parent was told. */
export interface ChildView {
  task: string
  title: string
  profile: string
  branch: string
  state: Task['state']
  result?: ChildResult
}

/** What a call of a tool comes to. */
export interface ChildrenView {
  tasks: ChildView[]
  pending: number
  next: string
}

/**
 * Waits inside of a tool's call, so that the agent does nothing else, until all children are at their end or the time is
 * over. What came meanwhile is in the answer and counts as read.
 * @throws OrchError E_STALE when the attempt ends meanwhile
 */
export async function awaitChildren(parts: Parts, parent: Parent, seconds: number): Promise<ChildrenView> {
  const pending = await whileAsking(parts, parent.attempt, () => untilSettled(parts, parent, seconds * 1_000))
  const tasks = await viewsOf(parts, parent.task)
  await countAsGiven(parts, parent)
  return { tasks, pending, next: nextOf(parts, parent, tasks.length, pending) }
}

async function untilSettled(parts: Parts, parent: Parent, ms: number): Promise<number> {
  const { store, clock } = parts
  const { id, runId } = parent.task
  const until = clock.now() + ms
  const bell = createBell(clock, new AbortController().signal)
  const stop = store.journal.subscribe((events) => {
    if (events.some((event) => event.runId === runId && event.type.startsWith('task.'))) bell.ring()
  })
  try {
    for (;;) {
      const task = await store.tasks.get(id)
      if (task) checkFence(task, parent.fence)
      const { pending } = await settleChildren(parts, parent, { idle: true, each: true })
      if (pending === 0 || clock.now() >= until) return pending
      await bell.wait(until - clock.now())
    }
  } finally {
    stop()
  }
}

async function viewsOf(parts: Parts, task: Task): Promise<ChildView[]> {
  const views: ChildView[] = []
  for (const child of await childrenOf(parts, task)) {
    const { id, spec, state } = child
    const told = await parts.store.mailboxes.get(resultIdOf(child))
    views.push({
      task: id,
      title: spec.title,
      profile: spec.profile,
      branch: spec.branch,
      state,
      ...(told && { result: told.message.payload as ChildResult }),
    })
  }
  return views
}

/**
 * Results that the answer holds are not told again at the turn's end. Only those before which `orch` has sent nothing else:
 * reading one message reads the earlier ones of its sender.
 */
async function countAsGiven(parts: Parts, { task, attempt }: Parent): Promise<void> {
  const { store, clock, hearings } = parts
  const hearing = await hearings.of(attempt)
  const order = { mailbox: task.id, reader: attempt.agent, now: clock.now(), limit: MOST_LEASED, again: true }
  const mail = await store.mailboxes.lease({ ...order, leaseMs: task.spec.limits.wallMs })
  const blocked = new Set<string>()
  for (const { message } of mail) {
    if (message.type !== 'task_result' && !hearing.given.has(message.id)) blocked.add(message.from)
    else if (!blocked.has(message.from)) hearing.given.add(message.id)
  }
}

const MOST_LEASED = 1_000

function nextOf(
  parts: Parts,
  { task, attempt }: Parent & { attempt: Attempt },
  all: number,
  pending: number,
): string {
  if (all === 0) return 'You have delegated nothing.'
  if (pending === 0)
    return 'All are at their end. Read each result and do what its `next` says; look at what came in, test the whole, commit, go on.'
  if (conversationOf(driverOf(parts, task, attempt), task) === 'none')
    return `${pending} of them are not at their end. Do what you can do meanwhile and commit it, then call wait_for_tasks again until none is pending.`
  return `${pending} of them are not at their end. Do what you can do meanwhile and commit it, or end your turn now: you are started again with their results. wait_for_tasks waits some more.`
}
