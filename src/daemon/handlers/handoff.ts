import type { Handlers } from '../../api/contract.ts'
import type { HandoffDetail, HandoffView } from '../../api/verbs/handoffs.ts'
import type { RunId } from '../../id.ts'
import { handOver } from '../../orchestrator/handoff/hand-over.ts'
import {
  type PastHandoff,
  pastHandoff,
  pastHandoffs,
  promptOf,
  workerOn,
} from '../../orchestrator/handoff/history.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { resolve } from '../../orchestrator/resolve.ts'

/** The verbs of handoffs. */
export function handoffHandlers(parts: Parts): Pick<Handlers, 'handOver' | 'handoffs' | 'handoff'> {
  const detail = async (past: PastHandoff): Promise<HandoffDetail> => ({
    ...viewHandoff(past),
    package: past.package,
    prompt: await promptOf(parts, past),
  })
  return {
    async handOver({ params, body }) {
      const { id, created } = await handOver(parts, await workerOn(parts, params.id), body)
      return { ...(await detail(await pastHandoff(parts, id))), created }
    },
    async handoffs({ query: { run, task, limit } }) {
      const taskId = task === undefined ? undefined : (await resolve(parts, task)).id
      const which = { limit, ...(run && { runId: run as RunId }), ...(taskId && { taskId }) }
      return { handoffs: (await pastHandoffs(parts, which)).map(viewHandoff) }
    },
    handoff: async ({ params }) => await detail(await pastHandoff(parts, params.id)),
  }
}

function viewHandoff({ delivery, package: pack, receiver }: PastHandoff): HandoffView {
  const { message, state, sentAt, acknowledgedAt } = delivery
  return {
    id: message.id,
    at: new Date(sentAt).toISOString(),
    from: message.from,
    to: message.to,
    goal: pack.goal,
    urgency: message.priority,
    transfers: pack.transfers,
    branch: pack.context.branch,
    commit: pack.context.commit,
    state,
    ...(acknowledgedAt !== undefined && { readAt: new Date(acknowledgedAt).toISOString() }),
    ...(receiver && {
      receiver: { title: receiver.spec.title, profile: receiver.spec.profile, state: receiver.state },
    }),
  }
}
