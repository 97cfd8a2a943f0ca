import type { IncomingMessage } from 'node:http'
import { type Clock, systemClock } from '../clock.ts'
import { type ErrorCode, OrchError, toOrchError } from '../errors.ts'
import { EVENTS_PATH } from './route-table.ts'
import { parse, readAnswer, refusalOf, type Send } from './transport.ts'
import type { EventView } from './views.ts'

export interface EventsOptions {
  /** Seq of the last event that is known; without it the stream begins with what happens next. */
  after?: number
  run?: string
  task?: string
  types?: string[]
  /** False: what is in the journal now, then the end. Default true. */
  follow?: boolean
  /** Ends the stream; nothing is thrown. */
  signal?: AbortSignal
  /** How long to wait for a daemon that went away, or whose store did, in ms. Default 30,000. */
  patienceMs?: number
  /**
   * Is called each time that no daemon was reached, before the next attempt; may bring one back. Its error ends the stream.
   * Who gives it had a daemon before: the first one is waited for, too.
   */
  lost?: () => Promise<void>
  clock?: Clock
}

/** Three missed heartbeats: the daemon hangs. */
const SILENCE_MS = 45_000
const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 1_000

/**
 * The events of the journal, over as many connections as it takes.
 * @throws OrchError E_DAEMON, E_STORE_DOWN when no daemon or no store is there at first (without `lost`), or stays away longer
 *   than our patience.
 */
export async function* readEvents(send: Send, options: EventsOptions): AsyncGenerator<EventView, void> {
  const { clock = systemClock, signal, patienceMs = 30_000 } = options
  const place: Place = { after: options.after, connected: options.lost !== undefined, lostAt: undefined }
  let wait = FIRST_WAIT_MS
  while (!signal?.aborted) {
    try {
      for await (const event of readOnce(send, options, place)) {
        wait = FIRST_WAIT_MS
        yield event
      }
      if (options.follow === false) return
    } catch (error) {
      if (signal?.aborted) return
      place.lostAt ??= clock.now()
      const waited = clock.now() - place.lostAt
      const { code } = toOrchError(error)
      if (!MAY_COME_BACK.has(code) || !place.connected || waited >= patienceMs) throw error
      if (code !== 'E_STORE_DOWN') await options.lost?.()
    }
    await clock.sleep(wait, signal)
    wait = Math.min(wait * 2, LONGEST_WAIT_MS)
  }
}

const MAY_COME_BACK = new Set<ErrorCode>(['E_DAEMON', 'E_TIMEOUT', 'E_STORE_DOWN'])

interface Place {
  after: number | undefined
  /** A daemon was there once. */
  connected: boolean
  /** Since when there is none, in ms since the epoch. */
  lostAt: number | undefined
}

/** One connection. Moves `place` on, so that the next one begins where this one ended. */
async function* readOnce(send: Send, options: EventsOptions, place: Place): AsyncGenerator<EventView, void> {
  const path = `${EVENTS_PATH}?${new URLSearchParams(query(options, place.after))}`
  const answer = await send({ method: 'GET', path, signal: options.signal, timeoutMs: SILENCE_MS })
  if (answer.statusCode !== 200) await readAnswer(answer)
  place.connected = true
  place.lostAt = undefined
  try {
    for await (const message of messages(answer)) {
      if (message.id !== undefined) place.after = Number(message.id)
      if (message.event === 'failed' && options.follow === false)
        throw refusalOf(parse(message.data), 'events')
      if (message.event === undefined) yield JSON.parse(message.data) as EventView
    }
  } finally {
    answer.destroy()
  }
}

function query(
  { run, task, types, follow }: EventsOptions,
  after: number | undefined,
): Record<string, string> {
  return {
    ...(after !== undefined && { after: String(after) }),
    ...(run && { run }),
    ...(task && { task }),
    ...(types && types.length > 0 && { types: types.join(',') }),
    ...(follow === false && { follow: 'no' }),
  }
}

interface Message {
  id?: string | undefined
  event?: string | undefined
  data: string
}

/** Loaded with the first stream: most commands need none. */
async function* messages(answer: IncomingMessage): AsyncGenerator<Message, void> {
  const { createParser } = await import('eventsource-parser')
  let arrived: Message[] = []
  const parser = createParser({ onEvent: (message) => arrived.push(message) })
  const decoder = new TextDecoder()
  try {
    for await (const chunk of answer) {
      parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }))
      const ready = arrived
      arrived = []
      yield* ready
    }
  } catch (cause) {
    throw new OrchError('E_DAEMON', 'the daemon went away', { cause })
  }
}
