import type { Client } from './client.ts'
import type { Answer, Input } from './contract.ts'
import { connectProgram, type ProgramOptions } from './lasting-client.ts'
import type { HandoffDetail, HandoffView } from './verbs/handoffs.ts'

/** What is handed over: a goal, one receiver (`to`, `profile` or `capability`), and what Orch cannot know by itself. */
export type HandoffRequest = Input<'handOver'>['body']

/** Moving work from one agent to another, for programs. Agents have the tool `handoff`. */
export class AgentHandoffSystem {
  readonly #client: Pick<Client, 'call'>

  /** @param client of the daemon; it stays the caller's own to close */
  constructor(client: Pick<Client, 'call'>) {
    this.#client = client
  }

  /** Over the daemon of this machine, which is started when it is not there. @throws OrchError E_DAEMON, E_STATE_DIR */
  static async connect(options: ProgramOptions = {}): Promise<AgentHandoffSystem> {
    return new AgentHandoffSystem(await connectProgram(options))
  }

  /**
   * Hands over for the agent that works on `task` (its id, the beginning of it, or the agent's name). The agent is not told,
   * and goes on until its turn ends; what it commits afterwards is not handed over.
   * @throws OrchError E_INVALID (package, receiver, what the repository does not have), E_STATE (nobody works on it; something
   *   is not committed), E_NOT_FOUND, E_AMBIGUOUS, E_TOO_LARGE, E_LIMIT
   */
  async initiateHandoff(task: string, request: HandoffRequest): Promise<Answer<'handOver'>> {
    return await this.#client.call('handOver', { params: { id: task }, body: request })
  }

  /**
   * A handoff with its package and the prompt that its receiver is given: by its id, or the newest that a task or an agent
   * got. Reading it here does not count as read by the receiver. @throws OrchError E_NOT_FOUND, E_AMBIGUOUS
   */
  async receiveHandoff(id: string): Promise<HandoffDetail> {
    return await this.#client.call('handoff', { params: { id } })
  }

  /** The newest last. `task`: those that it gave and those that it got. */
  async getHandoffHistory(
    which: { run?: string; task?: string; limit?: number } = {},
  ): Promise<HandoffView[]> {
    return (await this.#client.call('handoffs', { query: which })).handoffs
  }
}
