import { OrchError } from '../../errors.ts'
import type { Handoff } from '../../handoff/handoff.ts'
import type { HandoffOrder } from '../../handoff/order.ts'
import { handoffPrompt } from '../../handoff/prompt.ts'
import type { TaskId } from '../../id.ts'
import type { Delivery } from '../../message/delivery.ts'
import { isFinal, type Task, type TaskSpec } from '../../task/task.ts'
import { oneLine } from '../../text.ts'
import type { Caller } from '../agent-tools/agent-tools.ts'
import { send } from '../bus/bus.ts'
import { fingerprint } from '../bus/derived-id.ts'
import { senderOf } from '../bus/sender.ts'
import { pendingChildren } from '../family/children.ts'
import { spawnTasks } from '../family/spawn.ts'
import type { Parts } from '../parts.ts'
import { packageOf } from './package.ts'
import { profileOf, profileWith, runningTask } from './receiver.ts'

export interface HandedOver {
  /** Of the handoff: its message. */
  id: string
  /** The receiver. */
  task: Task
  package: Handoff
  created: boolean
}

/**
 * Moves work on, with everything that its receiver must know. A new task starts from the sender's commit and has the package
 * as its prompt; an agent that is there gets it as a message. Called again it is the same handoff.
 * @throws OrchError E_INVALID (receiver, package, what the repository does not have), E_STATE (uncommitted work, another branch
 *   checked out, unfinished children, a receiver that is over), E_NOT_FOUND, E_AMBIGUOUS, E_TOO_LARGE, E_LIMIT, E_STALE
 */
export async function handOver(parts: Parts, caller: Caller, order: HandoffOrder): Promise<HandedOver> {
  checkReceiver(order)
  const id = idOf(caller, order)
  const before = await parts.store.mailboxes.get(id)
  if (before) return await madeBefore(parts, before)
  const to = order.to === undefined ? undefined : await runningTask(parts, caller.task, order.to)
  const transfers = order.transfers ?? to === undefined
  if (transfers) await checkTransfer(parts, caller.task)
  const pack = await packageOf(parts, caller.task, { ...order, transfers })
  const task = to ?? (await newTask(parts, caller, order, { id, pack }))
  // a call that was cut off may come again when the receiver is through with it already
  if (isFinal(task.state)) return { id, task, package: pack, created: false }
  const { created } = await send(parts, senderOf(caller.task), {
    to: task.id,
    type: 'handoff',
    payload: pack,
    id,
    priority: pack.urgency,
  })
  return { id, task, package: pack, created }
}

function checkReceiver({ to, profile, capability, transfers }: HandoffOrder): void {
  if (to !== undefined && transfers)
    throw new OrchError('E_INVALID', `${to} has a branch of its own: your work cannot go on there`, {
      fix: 'Hand over to a profile (a new task that starts from your commit), or with transfers=false: then your own pull request brings your commits.',
    })
  if ([to, profile, capability].filter((it) => it !== undefined).length === 1) return
  throw new OrchError('E_INVALID', 'a handoff has one receiver', {
    fix: 'Give one of: to (an agent or task that is there), profile, capability (a new task). Hand over to several by several calls.',
  })
}

function idOf({ task, fence }: Caller, { id, goal, to, profile, capability }: HandoffOrder): string {
  const same = id === undefined ? [fence.epoch, to ?? '', profile ?? '', capability ?? '', goal] : [id]
  return `handoff-${fingerprint(task.id, ...same).slice(0, 20)}`
}

async function madeBefore({ store }: Parts, { message }: Delivery): Promise<HandedOver> {
  const task = await store.tasks.get(message.to as TaskId)
  if (!task) throw new OrchError('E_NOT_FOUND', `the receiver ${message.to} of ${message.id} is gone`)
  return { id: message.id, task, package: message.payload as Handoff, created: false }
}

/** Who ends must not leave anything behind. @throws OrchError E_STATE */
async function checkTransfer(parts: Parts, task: Task): Promise<void> {
  if (task.spec.proof === 'answer')
    throw new OrchError('E_STATE', 'you were asked a question: answer it; it cannot be handed on', {
      fix: 'Answer it, or start other work beside it with transfers=false.',
    })
  const open = await pendingChildren(parts, task)
  if (open === 0) return
  throw new OrchError('E_STATE', `${open} of the tasks that you delegated are not done`, {
    fix: 'Wait for them, or hand over with transfers=false.',
  })
}

const PRIORITY = { low: 0, normal: 1, high: 10, critical: 100 } as const

async function newTask(
  parts: Parts,
  caller: Caller,
  order: HandoffOrder,
  { id, pack }: { id: string; pack: Handoff },
): Promise<Task> {
  const { spec } = caller.task
  const profile = order.capability
    ? await profileWith(parts, spec.repo, order.capability)
    : (order.profile as string)
  const validate = await judgesOf(parts, spec, pack)
  const { tasks } = await spawnTasks(parts, caller, id, [
    {
      description: handoffPrompt(pack, { id, agent: caller.attempt.agent }),
      title: order.title ?? oneLine(pack.goal, 72),
      profile,
      priority: spec.priority + PRIORITY[pack.urgency],
      ...(validate.length > 0 && { validate }),
      ...(pack.transfers && spec.proof && { proof: spec.proof }),
      origin: { kind: 'handoff', message: id, ...(pack.transfers && { transfers: true }) },
      from: pack.context.commit,
    },
  ])
  return tasks[0] as Task
}

/** Who must approve the receiver's work: nobody gets rid of a judge by handing over. */
async function judgesOf(parts: Parts, spec: TaskSpec, { transfers, validation }: Handoff): Promise<string[]> {
  const asked = (transfers ? spec.validate : undefined) ?? (await parts.settings(spec.repo)).validate
  const judges = new Set(asked)
  for (const judge of validation) judges.add(await profileOf(parts, spec.repo, judge))
  return [...judges]
}
