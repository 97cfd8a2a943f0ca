import { z } from 'zod'
import { isFinal, TASK_STATES, type Task } from '../../task/task.ts'
import { isAble } from '../bus/free-agents.ts'
import type { Parts } from '../parts.ts'
import { agentTool } from './agent-tools.ts'

const agent = z.object({
  name: z.string().describe('Write to it by this name.'),
  task: z.string().optional(),
  title: z.string().optional().describe('What it works on.'),
  profile: z.string().optional(),
  capabilities: z.array(z.string()),
  state: z.enum(TASK_STATES).optional(),
  waitingFor: z.string().optional(),
  you: z.boolean().optional(),
})

export const listAgents = agentTool({
  name: 'list_agents',
  description:
    'See who works in this run with you: names, profiles, capabilities, what each works on and its state; and which profiles can be started by request_assistance. Use it to find out whom to write to. Give a capability to see only who has it.',
  input: z.strictObject({
    capability: z.string().max(40).optional().describe('Only who can do this, or has this profile.'),
  }),
  output: z.object({
    agents: z.array(agent),
    profiles: z
      .array(z.object({ name: z.string(), capabilities: z.array(z.string()), description: z.string() }))
      .describe('Kinds of agents that can be started for a question.'),
  }),
  idempotent: true,
  readOnly: true,
  async run(parts, { task }, { capability }) {
    const wanted = (it: { capabilities: string[]; profile?: string }) =>
      capability === undefined || isAble(it, capability)
    const agents = await agentsOf(parts, task)
    const { profiles } = await parts.profiles.list(task.spec.repo)
    const kinds = profiles.map(({ profile: { name, capabilities, description } }) => ({
      name,
      capabilities,
      description: description.slice(0, 300),
    }))
    return {
      agents: agents.filter(wanted),
      profiles: kinds.filter(({ name, capabilities }) => wanted({ profile: name, capabilities })),
    }
  },
})

const MOST_TASKS = 1_000

/** Tasks of the run that are not over, and programs that take part in it. */
async function agentsOf({ store, profiles }: Parts, { id: own, runId, spec: { repo } }: Task) {
  const boxes = new Map((await store.mailboxes.list({ runId, open: true })).map((box) => [box.name, box]))
  const able = new Map(
    (await profiles.list(repo)).profiles.map(({ profile }) => [profile.name, profile.capabilities]),
  )
  const tasks = (await store.tasks.list({ runId, limit: MOST_TASKS })).filter(({ state }) => !isFinal(state))
  const programs = [...boxes.values()].filter(({ taskId }) => taskId === undefined)
  return [
    ...tasks.map(({ id, spec, state, waitingFor }) => ({
      name: boxes.get(id)?.agent ?? id,
      task: id,
      title: spec.title,
      profile: spec.profile,
      capabilities: boxes.get(id)?.capabilities ?? able.get(spec.profile) ?? [],
      state,
      ...(waitingFor && { waitingFor }),
      ...(id === own && { you: true }),
    })),
    ...programs.map(({ name, agent: called, capabilities }) => ({ name: called ?? name, capabilities })),
  ]
}
