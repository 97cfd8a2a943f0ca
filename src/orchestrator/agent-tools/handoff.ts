import { z } from 'zod'
import { handoffOrder } from '../../handoff/order.ts'
import { handOver } from '../handoff/hand-over.ts'
import { agentTool } from './agent-tools.ts'

export const handoff = agentTool({
  name: 'handoff',
  description: [
    'Hand your work, or a part of it, over to another agent, with all that it must know. Commit first: uncommitted changes are refused.',
    'With profile or capability a new agent begins, on a branch that starts from your last commit; with `to` an agent that works already is told. For several receivers, call it once for each.',
    'What can be known (commits, files, your warnings, findings and notes) is filled in for you; give what only you know: decisions, next actions, what is dangerous, what is still wrong.',
    'With transfers=true (the default for a new agent) your work goes on there and you end your turn; your task is then done when the receiver takes it over. The same call again does nothing new.',
  ].join(' '),
  input: handoffOrder,
  output: z.object({
    handoff: z.string().describe('Id of the handoff.'),
    task: z.string().describe('The task of the receiver.'),
    title: z.string(),
    profile: z.string(),
    branch: z.string(),
    commit: z.string().describe('Commit that was handed over.'),
    created: z.boolean().describe('false: this was handed over before.'),
    next: z.string().describe('What to do now.'),
  }),
  idempotent: true,
  readOnly: false,
  async run(parts, caller, input) {
    const done = await handOver(parts, caller, input)
    const { task, package: pack, created, id } = done
    const { commit } = pack.context
    const { title, profile, branch } = task.spec
    const next = pack.transfers
      ? `End your turn now: your work goes on in ${task.id}. What you commit after ${commit.slice(0, 10)} is not in it.`
      : `${task.id} has it. Go on with your own part; your own proof is still asked of you.`
    return { handoff: id, task: task.id, title, profile, branch, commit, created, next }
  },
})
