import { OrchError } from '../../errors.ts'
import type { Env } from '../../exec.ts'
import type { Driver, Launch, LaunchOrder } from '../agent.ts'
import { namedProgram } from '../named-program.ts'
import { orderOf } from './order.ts'
import { answerTo } from './policy.ts'
import { createAcpReader, WORD } from './reader.ts'
import { cancel, initialize, permission, prompt } from './requests.ts'

/**
 * The driver `acp`: any agent of the Agent Client Protocol (version 1), named by the task: `opencode acp`,
 * `gemini --acp`. Orch is its client, over the FIFO and out.jsonl, so that the talk goes on under another daemon.
 */
export function createAcpDriver({
  env,
  uuid,
}: {
  /** Of the daemon. */
  env: Env
  uuid: () => string
}): Driver {
  return {
    name: 'acp',
    conversation: 'turns',
    takesProgram: true,
    resumes: true,
    footprintMegabytes: 640,
    commitsLeftovers: false,
    detect: async () => ({ program: 'any agent of the Agent Client Protocol', version: '1' }),
    launch: (order) => launch(env, order, uuid()),
    reader: createAcpReader,
    say: (text, { session, id }) => prompt(`${WORD}${id}`, known(session), text),
    interrupt: ({ session }) => cancel(known(session)),
    permit(question, allowed) {
      const answer = answerTo(question, allowed)
      if (!answer) throw new OrchError('E_INVALID', 'that is no question of this agent')
      return permission(answer.id, answer.option)
    },
  }
}

async function launch(env: Env, order: LaunchOrder, name: string): Promise<Launch> {
  return {
    argv: await namedProgram('acp', env, order),
    env: {},
    stdin: 'fifo',
    stderr: 'apart',
    firstInput: initialize(`${name}:initialize`),
    files: { 'acp-order.json': JSON.stringify(await orderOf(order, name)) },
  }
}

function known(session: string | undefined): string {
  if (session) return session
  throw new OrchError('E_CANNOT_HEAR', 'the agent has not opened its session yet')
}
