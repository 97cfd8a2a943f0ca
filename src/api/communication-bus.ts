import { systemClock } from '../clock.ts'
import { OrchError } from '../errors.ts'
import { createIds, systemRandom } from '../id.ts'
import type { Message, MessageType } from '../message/message.ts'
import type { Client } from './client.ts'
import { connectProgram, type ProgramOptions } from './lasting-client.ts'
import { readMail } from './mail-reader.ts'
import type { DeliveryView } from './message-views.ts'
import type {
  AssistanceOrder,
  BusOptions,
  BusStatistics,
  MessageHandler,
  OutgoingMessage,
  ProgramAgent,
  SentMessage,
  SubscribeOptions,
  Subscription,
} from './program-messages.ts'

interface Registered {
  name: string
  reader: string
  /** Requests whose answers are waited for: handlers do not get them. */
  awaited: Set<string>
  handlers: Set<{ handle: MessageHandler; types: MessageType[] | undefined }>
  reading?: { stop: AbortController; ended: Promise<void> }
}

const TEN_MINUTES = 600_000
const WAIT_MS = 30_000

/**
 * Messages for programs: to and from agents, people and other programs. Everything is durable before a promise resolves, and
 * outlives the death of the daemon. Delivery is at least once: handlers see a message again when they reject, or when this
 * process dies before it was acknowledged; ids tell. Messages of one sender come in order.
 *
 * All methods throw OrchError; those of sending E_INVALID (type or payload), E_TOO_LARGE, E_NOT_FOUND (receiver),
 * E_STATE, E_MAILBOX_FULL.
 */
export class AgentCommunicationBus {
  readonly #client: Client
  readonly #options: Required<BusOptions>
  readonly #agents = new Map<string, Registered>()
  readonly #own = { sent: 0, handled: 0, returned: 0 }

  constructor(client: Client, options: BusOptions = {}) {
    this.#client = client
    this.#options = {
      clock: systemClock,
      ids: createIds(systemRandom),
      batch: 10,
      leaseMs: 60_000,
      onError: () => {},
      ...options,
    }
  }

  /** A bus over the daemon of this machine, which is started when it is not there. @throws OrchError E_DAEMON, E_STATE_DIR */
  static async connect(options: ProgramOptions & BusOptions = {}): Promise<AgentCommunicationBus> {
    return new AgentCommunicationBus(await connectProgram(options), options)
  }

  /**
   * Opens the mailbox of a program, or takes over the one that an earlier process had.
   * @throws OrchError E_FORBIDDEN for the name of an agent, of Orch, or `person`
   */
  async registerAgent({ name, capabilities = [], topics = [] }: ProgramAgent): Promise<void> {
    const known = this.#agents.get(name)
    const reader = known?.reader ?? this.#options.ids.uuid()
    await this.#client.call('openMailbox', { body: { name, reader, capabilities, topics } })
    if (!known) this.#agents.set(name, { name, reader, awaited: new Set(), handlers: new Set() })
  }

  /** `to`: an agent, a task, a program, `person`; absent for an answer, which goes to who asked. */
  async sendMessage<T extends MessageType>(
    order: OutgoingMessage<T> & { to?: string },
  ): Promise<SentMessage> {
    return await this.#send(order)
  }

  /** To all who have subscribed to the topic, or to all of a run (`run` alone). */
  async broadcastMessage<T extends MessageType>({
    topic,
    ...order
  }: OutgoingMessage<T> & { topic?: string; run?: string }): Promise<SentMessage> {
    return await this.#send({ ...order, to: topic === undefined ? '*' : `#${topic}` })
  }

  /** Several handlers get each message one after the other. One that no handler wants is acknowledged. */
  subscribe(handle: MessageHandler, { agent, types }: SubscribeOptions = {}): Subscription {
    const own = this.#agent(agent)
    const handler = { handle, types }
    own.handlers.add(handler)
    const { ended } = this.#read(own)
    return {
      ended,
      close: async () => {
        own.handlers.delete(handler)
        if (own.handlers.size === 0) own.reading?.stop.abort()
        if (own.handlers.size === 0) await ended.catch(() => {})
      },
    }
  }

  /**
   * Asks one who is at work and has the capability (of several who has the fewest open requests), or `to`, and waits for the
   * answer; a request may also be declined (`payload.status`).
   * @throws OrchError E_NOT_FOUND when nobody there can do it, E_TIMEOUT, E_STATE when nobody will answer any more
   */
  async requestAssistance(order: AssistanceOrder): Promise<Message> {
    const { question, capability, context, files, to, from, priority, timeoutMs = TEN_MINUTES } = order
    const own = this.#agent(from)
    const id = this.#options.ids.message()
    own.awaited.add(id)
    const payload = {
      question,
      ...(context && { context }),
      ...(files && { files }),
      ...(capability && { capability }),
    }
    await this.#send({
      id,
      from: own.name,
      type: 'assistance_request',
      payload,
      ttlMs: timeoutMs,
      ...(to === undefined ? { capability } : { to }),
      ...(priority && { priority }),
    })
    return await this.waitForResponse(id, { agent: own.name, timeoutMs })
  }

  /**
   * The first answer to a request of ours, also one that came long ago.
   * @throws OrchError E_TIMEOUT, E_NOT_FOUND (there is no such request), E_STATE when nobody will answer any more
   */
  async waitForResponse(
    correlationId: string,
    { agent, timeoutMs = TEN_MINUTES }: { agent?: string; timeoutMs?: number } = {},
  ): Promise<Message> {
    const { clock } = this.#options
    const own = this.#agent(agent)
    own.awaited.add(correlationId)
    try {
      const response = await this.#response(own.name, correlationId, clock.now() + timeoutMs)
      if (!own.reading) await this.#settle(own, response)
      if (!own.reading || response.state !== 'waiting') own.awaited.delete(correlationId)
      return response.message as Message
    } catch (error) {
      own.awaited.delete(correlationId) // one that comes later is for the handlers
      throw error
    }
  }

  async #response(mailbox: string, id: string, until: number): Promise<DeliveryView> {
    const { clock } = this.#options
    for (;;) {
      const waitMs = Math.max(0, Math.min(WAIT_MS, until - clock.now()))
      const query = { mailbox, waitMs }
      const { response, dead } = await this.#client.call('response', { params: { id }, query })
      if (response) return response
      if (dead) throw new OrchError('E_STATE', `nobody will answer ${id}: ${dead.message}`)
      if (clock.now() >= until) throw new OrchError('E_TIMEOUT', `${id} was not answered in time`)
    }
  }

  async getStatistics(): Promise<BusStatistics> {
    const statistics = await this.#client.call('mailStatistics')
    return { ...statistics, own: { ...this.#own } }
  }

  /** Stops reading after what is being handled. Mailboxes stay open: what comes waits for the next process. */
  async close(): Promise<void> {
    const reading = [...this.#agents.values()].flatMap((it) => it.reading ?? [])
    for (const { stop } of reading) stop.abort()
    await Promise.allSettled(reading.map(({ ended }) => ended))
    this.#client.close()
  }

  /** For a program that will not come back: what waits in its mailbox becomes dead letters. */
  async deregisterAgent(name: string): Promise<void> {
    const { reader, reading } = this.#agent(name)
    reading?.stop.abort()
    await reading?.ended.catch(() => {})
    await this.#client.call('closeMailbox', { params: { name }, body: { reader } })
    this.#agents.delete(name)
  }

  #agent(name?: string): Registered {
    const [first, second] = this.#agents.values()
    const found = name === undefined ? first : this.#agents.get(name)
    if (found && (name !== undefined || !second)) return found
    const why = name ?? (second ? 'one of several: name it' : 'none is registered')
    throw new OrchError('E_INVALID', `no agent of this bus: ${why}`, { fix: 'Call registerAgent first.' })
  }

  async #send({
    from,
    id = this.#options.ids.message(),
    ...order
  }: OutgoingMessage & { to?: string; run?: string; capability?: string | undefined }): Promise<SentMessage> {
    const sent = await this.#client.call('sendMessage', {
      body: { ...order, id, from: this.#agent(from).name },
    })
    this.#own.sent += 1
    return sent
  }

  #read(own: Registered): { ended: Promise<void> } {
    const before = own.reading
    if (before && !before.stop.signal.aborted) return before
    const stop = new AbortController()
    const { client, options } = { client: this.#client, options: this.#options }
    const read = {
      client,
      mailbox: own.name,
      reader: own.reader,
      batch: options.batch,
      leaseMs: options.leaseMs,
      signal: stop.signal,
      handle: (message: Message) => this.#handle(own, message),
      onError: (error: unknown, message: Message) => {
        this.#own.returned += 1
        options.onError(error, message)
      },
    }
    // One that ends just now acknowledges first what it has handled.
    const first = before ? before.ended.catch(() => {}) : Promise.resolve()
    const ended = first
      .then(() => readMail(read))
      .finally(() => own.reading === reading && delete own.reading)
    ended.catch(() => {}) // who subscribed may not look at `ended`
    const reading = { stop, ended }
    own.reading = reading
    return reading
  }

  async #handle({ awaited, handlers }: Registered, message: Message): Promise<void> {
    if (
      message.correlationId &&
      message.correlationId !== message.id &&
      awaited.delete(message.correlationId)
    )
      return
    for (const { handle, types } of handlers)
      if (!types || types.includes(message.type)) await handle(message)
    this.#own.handled += 1
  }

  /** Nobody reads the mailbox: the answer counts as read, unless that would swallow earlier words of its sender. */
  async #settle({ name, reader }: Registered, { message: { id, from } }: DeliveryView): Promise<void> {
    const { messages } = await this.#client.call('peek', { params: { name }, query: { limit: 1_000 } })
    const first = messages.find(({ message }) => message.from === from)
    if (first?.message.id !== id) return
    await this.#client.call('acknowledge', { params: { name }, body: { reader, ids: [id] } })
  }
}
