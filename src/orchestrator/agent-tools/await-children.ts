import { isRequest } from '../../message/message.ts'
import { checkFence } from '../../task/life.ts'
import type { Task } from '../../task/task.ts'
import { createBell } from '../attempt/bell.ts'
import { conversationOf, driverOf } from '../attempt/driver-choice.ts'
import { whileAsking } from '../conversation/asking.ts'
import { type ChildResult, resultIdOf } from '../family/child-result.ts'
import { childrenOf, settleChildren } from '../family/children.ts'
import type { Parts } from '../parts.ts'
import type { Caller } from './agent-tools.ts'
import { isAsked, type ShownMessage, showMail, takeMail } from './inbox.ts'

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
  messages: ShownMessage[]
  next: string
}

/**
 * Waits inside of a tool's call, so that the agent does nothing else, until all children are at their end, somebody asks
 * something of the caller (who would else wait for it), or the time is over. What came is in the answer and counts as read.
 * @throws OrchError E_STALE when the attempt ends meanwhile
 */
export async function awaitChildren(parts: Parts, caller: Caller, seconds: number): Promise<ChildrenView> {
  const pending = await whileAsking(parts, caller.attempt, () => untilSettled(parts, caller, seconds * 1_000))
  const tasks = await viewsOf(parts, caller.task)
  const messages = await mailBesideResults(parts, caller)
  const asked = messages.some(({ type }) => isRequest(type))
  const next = `${asked ? ASKED : ''}${nextOf(parts, caller, tasks.length, pending)}`
  return { tasks, pending, messages, next }
}

const ASKED = 'Somebody asks something of you: answer that first. '

async function untilSettled(parts: Parts, caller: Caller, ms: number): Promise<number> {
  const { store, clock } = parts
  const { id, runId } = caller.task
  const until = clock.now() + ms
  const bell = createBell(clock, new AbortController().signal)
  const stops = [
    store.mailboxes.onArrival((names) => names.has(id) && bell.ring()),
    store.journal.subscribe((events) => {
      if (events.some((event) => event.runId === runId && event.type.startsWith('task.'))) bell.ring()
    }),
  ]
  try {
    for (;;) {
      const task = await store.tasks.get(id)
      if (task) checkFence(task, caller.fence)
      const { pending } = await settleChildren(parts, caller, { idle: true, each: true })
      if (pending === 0 || clock.now() >= until || (await isAsked(parts, caller))) return pending
      await bell.wait(until - clock.now())
    }
  } finally {
    for (const stop of stops) stop()
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
 * Results that are in the answer are not told again at the turn's end. Reading one reads what its sender had sent before it:
 * so whatever else is there is shown along with them.
 */
async function mailBesideResults(parts: Parts, caller: Caller): Promise<ShownMessage[]> {
  const { deliveries, hearing } = await takeMail(parts, caller)
  const fresh = deliveries.filter(({ message }) => !hearing.given.has(message.id))
  const others = fresh.filter(({ message }) => message.type !== 'task_result')
  const shown = await showMail(parts, { deliveries: others, hearing })
  if (shown.length === others.length) for (const { message } of fresh) hearing.given.add(message.id)
  return shown
}

function nextOf(parts: Parts, { task, attempt }: Caller, all: number, pending: number): string {
  if (all === 0) return 'You have delegated nothing.'
  if (pending === 0)
    return 'All are at their end. Read each result and do what its `next` says; look at what came in, test the whole, commit, go on.'
  if (conversationOf(driverOf(parts, task, attempt), task) === 'none')
    return `${pending} of them are not at their end. Do what you can do meanwhile and commit it, then call wait_for_tasks again until none is pending.`
  return `${pending} of them are not at their end. Do what you can do meanwhile and commit it, or end your turn now: you are started again with their results. wait_for_tasks waits some more.`
}
