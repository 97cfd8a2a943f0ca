import { z } from 'zod'
import { PRIORITIES } from '../../message/message.ts'
import { files } from '../../message/words.ts'
import { headOf } from '../bus/expert.ts'
import { agentTool } from './agent-tools.ts'
import { askAndWait, requestOutput, wait } from './request.ts'

export const requestValidation = agentTool({
  name: 'request_validation',
  description: [
    'Ask another agent to judge your work: it approves or refuses it, with its findings. Name the capability or the profile of who judges (security-auditor, reviewer, code-review …), or an agent with to, for instance the one that refused it before.',
    'Commit first: what is judged is the last commit of your branch, which Orch fills in. After a refusal mend what was found, commit, and ask again.',
  ].join(' '),
  input: z.strictObject({
    what: z
      .string()
      .trim()
      .min(1)
      .max(50_000)
      .describe('What is to be judged, and what makes it good or bad.'),
    capability: z
      .string()
      .max(40)
      .optional()
      .describe('What the other must be able to do, or its profile. Either this or to.'),
    to: z.string().max(80).optional().describe('An agent, a task or person.'),
    files: files.default([]).describe('Files that it is about; all that you changed when empty.'),
    priority: z.enum(PRIORITIES).default('normal').describe('critical interrupts the other.'),
    wait,
  }),
  output: requestOutput,
  idempotent: true,
  readOnly: false,
  async run(parts, caller, { what, capability, to, files: about, priority, wait: seconds }) {
    const { task } = caller
    const commit = await headOf(parts, task)
    const place = { task: task.id, branch: task.spec.branch, ...(commit && { commit }) }
    const payload = { what, files: about, ...place, ...(capability && { capability }) }
    return await askAndWait(
      parts,
      caller,
      { type: 'validation_request', payload, to, capability, priority },
      seconds,
    )
  },
})
