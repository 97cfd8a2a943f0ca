import type { TaskId } from '../../src/id.ts'
import { agentName } from '../../src/orchestrator/agent-name.ts'
import { createAgentCalls } from '../../src/orchestrator/agent-tools/call.ts'
import { openTaskMailbox } from '../../src/orchestrator/bus/audience.ts'
import { type ChildOrder, spawnTasks } from '../../src/orchestrator/family/spawn.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import type { Claimed } from '../../src/store/store.ts'
import { holdParent } from './family.ts'
import { type RealOptions, realParts } from './parts.ts'

/** Several agents of one run, held by attempts without any process: the test is all of them. */

/** Parts whose agents hear what is said to them when their turn ends, and the first agent of a run. */
export async function team(options: RealOptions = {}) {
  const real = await realParts(options)
  const [[name, command] = []] = [...real.drivers]
  if (!name || !command) throw new Error('there is no driver')
  const parts: Parts = {
    ...real,
    drivers: new Map([[name, { ...command, conversation: 'processes' as const }]]),
  }
  const first = await holdParent(parts)
  return {
    parts,
    first,
    /** Another agent of the run, at work on a task of its own. */
    async join(profile: string, more: Partial<ChildOrder> = {}) {
      const order = { description: `Work as ${profile}`, profile, ...more }
      const { tasks } = await spawnTasks(parts, first, crypto.randomUUID(), [order])
      return await begin(parts, tasks[0]?.id as TaskId)
    },
    /** The agent of a task that was made by a request. */
    begin: (id: string) => begin(parts, id as TaskId),
  }
}

async function begin(parts: Parts, id: TaskId) {
  const claimed = await claim(parts, id)
  await openTaskMailbox(parts, claimed.task, claimed.attempt.agent)
  const token = parts.agentTokens.issue(claimed.attempt)
  const calls = createAgentCalls(parts)
  return { ...claimed, token, call: (name: string, input: unknown = {}) => calls.call(token, name, input) }
}

/** Under the name that agents have. */
async function claim(parts: Parts, id: TaskId): Promise<Claimed> {
  for (;;) {
    const order = { host: parts.host, now: parts.clock.now(), leaseMs: 600_000, agent: agentName }
    const claimed = await parts.store.tasks.claim(order)
    if (!claimed) throw new Error(`${id} cannot be claimed`)
    await parts.store.tasks.start(claimed.fence, order.now)
    if (claimed.task.id === id) return claimed
  }
}
