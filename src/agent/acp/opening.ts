import type { AgentEvent } from '../../journal/journal.ts'
import type { Outcome, Reply } from '../agent.ts'
import { type Incoming, parseInitialized } from './messages.ts'
import type { AcpMcpServer, AcpOrder } from './order.ts'
import { endingOfError, failed } from './outcome.ts'
import { openSession, PROTOCOL_VERSION, prompt, setting } from './requests.ts'
import { type Offer, parseOffer, readOnlyMode, type Setting } from './session.ts'

/**
 * initialize ─▶ session/new, load or resume ─▶ mode, model ─▶ the prompt: each step is the answer to the agent's answer
 * to the one before.
 */
export interface Step {
  events: AgentEvent[]
  /** The session, once it is open. */
  session?: string
  reply?: Reply
  /** It ends here. */
  outcome?: Outcome
}

type Answer = Extract<Incoming, { type: 'result' | 'error' }>

/** @param id what stands behind the launch's name in the id of the request. */
export function createOpening(order: AcpOrder) {
  let settings: Setting[] = []
  let session = ''
  const replyTo = (id: string, text: string): Reply => ({ id: `${order.launch}:${id}`, text })
  const fail = (outcome: Outcome, events: AgentEvent[] = []): Step => ({ events, outcome })

  const choose = (at: number): Reply => {
    const next = settings[at]
    if (next)
      return replyTo(`set-${at}`, setting(`${order.launch}:set-${at}`, next.method, session, next.params))
    const id = `${order.launch}:prompt`
    return { id, text: prompt(id, session, order.prompt), once: true }
  }
  const initialized = (answer: Answer): Step => {
    if (answer.type === 'error') return fail(endingOfError(answer.error).outcome)
    const can = parseInitialized(answer.result)
    if (can?.version !== PROTOCOL_VERSION)
      return fail({
        ...failed('agent-failed', `the agent does not speak version 1 of the Agent Client Protocol`),
        final: true,
      })
    if (order.session && !can.loads && !can.resumes)
      return fail(failed('session-gone', 'the agent cannot load a session'))
    const method = order.session ? (can.resumes ? 'session/resume' : 'session/load') : 'session/new'
    const servers = order.mcp.filter((server) => can.mcpOverHttp || !('url' in server))
    const place = { cwd: order.workspace, mcpServers: servers }
    const text = openSession(`${order.launch}:session`, { method, sessionId: order.session }, place)
    return { events: leftOut(order.mcp, servers), reply: replyTo('session', text) }
  }
  const opened = (answer: Answer): Step => {
    if (answer.type === 'error') return fail(notOpened(answer))
    const offer = parseOffer(answer.result)
    session = offer?.session ?? order.session ?? ''
    if (!offer || !session) return fail(failed('agent-failed', 'the agent opened a session without a name'))
    const wanted = settingsFor(order, offer)
    if (wanted.outcome) return { events: wanted.events, outcome: wanted.outcome }
    settings = wanted.settings
    return { events: wanted.events, session, reply: choose(0) }
  }
  const notOpened = ({ error }: Answer & { type: 'error' }): Outcome => {
    const outcome = endingOfError(error).outcome
    const login = outcome.kind === 'failed' && outcome.final
    if (!order.session || login || outcome.kind !== 'failed') return outcome
    return failed('session-gone', outcome.reason.message)
  }
  const chosen = (answer: Answer, at: number): Step => {
    if (answer.type === 'error')
      return fail({
        ...failed('agent-failed', `the agent refused ${settings[at]?.method}: ${answer.error.message}`),
        final: true,
      })
    return { events: [], reply: choose(at + 1) }
  }
  return {
    /** @param name of the request that is answered, without the launch. */
    answered(name: string, answer: Answer): Step | undefined {
      if (name === 'initialize') return initialized(answer)
      if (name === 'session' && !session) return opened(answer)
      if (name.startsWith('set-')) return chosen(answer, Number(name.slice(4)))
      return undefined
    },
  }
}

interface Wanted {
  settings: Setting[]
  events: AgentEvent[]
  /** The agent cannot do what is asked. */
  outcome?: Outcome
}

function settingsFor({ permissions, model }: AcpOrder, { modes, models }: Offer): Wanted {
  const settings: Setting[] = []
  const events: AgentEvent[] = []
  const mode = permissions === 'read' ? readOnlyMode(modes) : undefined
  if (mode) settings.push(mode)
  else if (permissions === 'read') events.push({ type: 'note', text: NO_READING })
  if (!model) return { settings, events }
  const choice = models.get(model)
  if (choice) return { settings: [...settings, choice], events }
  if (models.size > 0) return { settings, events, outcome: noModel(model, models) }
  const text = `the agent offers no choice of models: ${model} is not taken`
  return { settings, events: [...events, { type: 'note', text }] }
}

const NO_READING = 'the agent has no mode for reading only; what it asks for is refused'

function noModel(model: string, models: Offer['models']): Outcome {
  const some = [...models.keys()].slice(0, 10).join(', ')
  return { ...failed('agent-failed', `the agent has no model ${model}; it has ${some}`), final: true }
}

const leftOut = (all: readonly AcpMcpServer[], taken: readonly AcpMcpServer[]): AgentEvent[] =>
  all
    .filter((server) => !taken.includes(server))
    .map(({ name }) => ({
      type: 'note',
      text: `the agent does not speak to MCP servers over HTTP: ${name} is left out`,
    }))
