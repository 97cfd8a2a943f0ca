import { z } from 'zod'
import { PRIORITIES } from '../../message/message.ts'
import { files } from '../../message/words.ts'
import { agentTool } from './agent-tools.ts'
import { askAndWait, requestOutput, wait } from './request.ts'

export const requestAssistance = agentTool({
  name: 'request_assistance',
  description: [
    'Ask another agent a question that it can answer better than you: name the capability that is needed (security, database, tests, documentation … or a profile), and Orch finds an agent of this run that is free or starts one; or name the agent, or person, with to.',
    'Ask when you would else guess; not for what the code or a test tells you. Commit first what the other has to see: a new agent begins at the last commit of your branch.',
  ].join(' '),
  input: z.strictObject({
    question: z
      .string()
      .trim()
      .min(1)
      .max(50_000)
      .describe('One question, with what a good answer must contain.'),
    capability: z
      .string()
      .max(40)
      .optional()
      .describe('What the other must be able to do. Either this or to.'),
    to: z.string().max(80).optional().describe('An agent, a task or person.'),
    context: z.string().trim().min(1).max(50_000).optional().describe('What the other must know to answer.'),
    files: files.default([]).describe('Files of the repository that it is about.'),
    priority: z.enum(PRIORITIES).default('normal').describe('critical interrupts the other.'),
    wait,
  }),
  output: requestOutput,
  idempotent: true,
  readOnly: false,
  async run(parts, caller, { question, capability, to, context, files: about, priority, wait: seconds }) {
    const payload = { question, files: about, ...(capability && { capability }), ...(context && { context }) }
    return await askAndWait(
      parts,
      caller,
      { type: 'assistance_request', payload, to, capability, priority },
      seconds,
    )
  },
})
