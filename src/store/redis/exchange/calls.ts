import type { Redis } from 'ioredis'
import { OrchError, toOrchError } from '../../../errors.ts'
import type { Exchange, HostAnswer, HostCall } from '../../store.ts'
import { storeError } from '../connection/failure.ts'
import type { Closing, RedisTools } from '../tools.ts'

/** JSON of a call, and of an answer, in bytes. */
export const MOST_CALL_BYTES = 8 * 1024 * 1024
/** Redis cuts off whoever is behind with published bytes: what is longer goes by a key. */
const INLINE_BYTES = 64 * 1024

type Letter = { id: string } & ({ body: string } | { key: string })
type Asked = HostCall & { to: string; until: number }
interface Waiting {
  done: (answer: HostAnswer) => void
  fail: (error: OrchError) => void
}

/**
 * Calls between hosts: published on the channel of the one that is asked, answered on that of this store. Redis tells how many
 * listen, so that nobody has to wait for a host that is not there. A call that comes after its time is not carried out.
 * `now` is the time of the store, ms since the epoch.
 */
export function createCalls(
  tools: RedisTools,
  now: () => number,
): Pick<Exchange, 'call' | 'answer'> & Closing {
  const { redis, prefix, log } = tools
  // Channels know no database: two clusters of one name in two databases are two all the same.
  const channel = (kind: string, name: string) => `${prefix}${kind}:${redis.options.db ?? 0}:${name}`
  const own = channel('answer', crypto.randomUUID())
  const post = createPost(redis, prefix)
  const handlers = new Map<string, (call: HostCall) => Promise<HostAnswer>>()
  const waiting = new Map<string, Waiting>()

  const listening = createListening(tools, {
    heard: (on, text) => void heard(on, text).catch((error) => log.debug('a call is lost', { error })),
    lost: () => {
      const error = new OrchError('E_STORE_DOWN', 'the connection to Redis broke before the answer came')
      for (const { fail } of waiting.values()) fail(error)
    },
  })

  const heard = async (on: string, text: string) => {
    const letter = JSON.parse(text) as Letter
    const handler = handlers.get(on)
    if (handler) return await carryOut(letter, handler)
    const body = await post.open(letter)
    if (body !== undefined) waiting.get(letter.id)?.done(JSON.parse(body) as HostAnswer)
  }

  const carryOut = async (letter: Letter, handler: (call: HostCall) => Promise<HostAnswer>) => {
    const body = await post.open(letter)
    if (body === undefined) return
    const { to, until, verb, input } = JSON.parse(body) as Asked
    if (until < now()) return
    const answer = await handler({ verb, input }).catch(failed)
    await post.send(to, letter.id, textOf(answer), until - now())
  }

  const ask = async (id: string, host: string, call: HostCall, timeoutMs: number): Promise<void> => {
    const text = JSON.stringify({ ...call, to: own, until: Math.ceil(now() + timeoutMs) } satisfies Asked)
    if (Buffer.byteLength(text) > MOST_CALL_BYTES) throw tooLarge(`what ${host} is asked (${call.verb})`)
    await listening.on(own)
    if ((await post.send(channel('call', host), id, text, timeoutMs)) === 0) throw gone(host)
  }

  return {
    async call(host, call, timeoutMs) {
      const id = crypto.randomUUID()
      const { promise, resolve: done, reject: fail } = Promise.withResolvers<HostAnswer>()
      const timer = setTimeout(() => fail(late(host, call, timeoutMs)), Math.max(1, timeoutMs))
      waiting.set(id, { done, fail })
      ask(id, host, call, timeoutMs).catch((error) => fail(storeError(error)))
      try {
        return contentOf(await promise)
      } finally {
        clearTimeout(timer)
        waiting.delete(id)
      }
    },
    async answer(host, handler) {
      const on = channel('call', host)
      handlers.set(on, handler)
      await listening.on(on)
      return async () => {
        handlers.delete(on)
        await listening.off(on)
      }
    },
    async close() {
      const error = new OrchError('E_STORE_DOWN', 'the store is closed')
      for (const { fail } of waiting.values()) fail(error)
    },
  }
}

const failed = (thrown: unknown): HostAnswer => ({ error: toOrchError(thrown).toBody() })

function textOf(answer: HostAnswer): string {
  const text = JSON.stringify(answer)
  if (Buffer.byteLength(text) <= MOST_CALL_BYTES) return text
  return JSON.stringify(failed(tooLarge('the answer')))
}

function contentOf(answer: HostAnswer): unknown {
  if ('error' in answer) throw OrchError.fromBody(answer.error)
  return answer.value
}

const tooLarge = (what: string) =>
  new OrchError('E_TOO_LARGE', `${what} is larger than ${MOST_CALL_BYTES} bytes`)
const late = (host: string, { verb }: HostCall, ms: number) =>
  new OrchError('E_TIMEOUT', `${host} did not answer within ${ms} ms (${verb})`)
const gone = (host: string) => new OrchError('E_HOST_GONE', `nobody answers for the host ${host}`)

function createPost(redis: Redis, prefix: string) {
  return {
    /** Gives how many heard it. */
    async send(channel: string, id: string, body: string, ms: number): Promise<number> {
      if (body.length <= INLINE_BYTES) return await redis.publish(channel, JSON.stringify({ id, body }))
      const key = `${prefix}letter:${crypto.randomUUID()}`
      await redis.set(key, body, 'PX', Math.max(1_000, Math.ceil(ms)))
      const heard = await redis.publish(channel, JSON.stringify({ id, key }))
      if (heard === 0) await redis.unlink(key)
      return heard
    },
    /** Undefined when it is gone. */
    async open(letter: Letter): Promise<string | undefined> {
      return 'body' in letter ? letter.body : ((await redis.getdel(letter.key)) ?? undefined)
    },
  }
}

interface Ears {
  heard(channel: string, text: string): void
  /** The connection broke: what was said meanwhile is not heard. */
  lost(): void
}

/** One connection that listens, made when it is needed. Channels are listened to again after a loss. */
function createListening({ connection, log }: RedisTools, { heard, lost }: Ears) {
  const channels = new Set<string>()
  let made: Redis | undefined
  let ready: Promise<unknown> | undefined
  const listen = (ear: Redis) => {
    ready = channels.size > 0 ? ear.subscribe(...channels) : Promise.resolve()
    ready.catch((error) => log.debug('cannot listen', { error }))
  }
  const open = () => {
    const ear = connection.another('calls')
    ear.on('message', heard)
    ear.on('ready', () => listen(ear))
    ear.on('close', () => {
      ready = undefined
      lost()
    })
    return ear
  }
  return {
    async on(channel: string): Promise<void> {
      made ??= open()
      if (!channels.has(channel)) {
        channels.add(channel)
        if (made.status === 'ready') listen(made)
      }
      if (made.status !== 'ready') await readiness(made)
      await ready
    },
    async off(channel: string): Promise<void> {
      if (channels.delete(channel) && made?.status === 'ready') await made.unsubscribe(channel)
    },
  }
}

/** The first time a connection is waited for; one that was lost is not. */
function readiness(ear: Redis): Promise<void> {
  return new Promise((resolve, reject) => {
    ear.once('ready', resolve)
    ear.once('close', () =>
      reject(new OrchError('E_STORE_DOWN', 'Redis cannot be reached: no connection to listen')),
    )
    if (ear.status === 'reconnecting' || ear.status === 'end')
      reject(new OrchError('E_STORE_DOWN', 'Redis cannot be reached: the connection is lost'))
  })
}
