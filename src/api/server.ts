import { randomUUID } from 'node:crypto'
import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type Clock, systemClock } from '../clock.ts'
import { OrchError, toOrchError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Journal } from '../store/store.ts'
import { eventsQuery, type Handlers, type RouteName, routes, type Shape } from './contract.ts'
import { eventStream, toFilter } from './event-stream.ts'
import { check, readInput } from './request.ts'
import { EVENTS_PATH } from './route-table.ts'

export interface ApiOptions {
  handlers: Handlers
  journal: Journal
  log: Log
  clock?: Clock
  /** Ends the event streams and what waits: the daemon stops. */
  ending?: AbortSignal
  /** Checks every answer against its schema too. For tests: what fails here is a bug of ours. */
  checkAnswers?: boolean
}

/**
 * The API over the handlers: every verb of contract.ts and the event stream. Whoever reaches it is let in: `serve`
 * puts the doors before it.
 */
export function createApi(options: ApiOptions): Hono {
  const api = new Hono()
  const ending = options.ending ? [options.ending] : []
  for (const name of Object.keys(routes) as RouteName[]) {
    const shape: Shape = routes[name]
    const handler = options.handlers[name] as (input: unknown, gone?: AbortSignal) => Promise<unknown>
    api.on(shape.method, shape.path, async (context) => {
      const gone = shape.waits && AbortSignal.any([context.req.raw.signal, ...ending])
      const answer = await handler(await readInput(context, shape), gone)
      return answerJson(options.checkAnswers ? shape.answer.parse(answer) : answer)
    })
  }
  api.get(EVENTS_PATH, (context) => answerEvents(context, options))
  api.notFound((context) => refuse(context, new OrchError('E_NOT_FOUND', 'the API has no such path')))
  api.onError((error, context) => refuse(context, known(error, context, options.log)))
  return api
}

const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

/** A text with headers that are a plain object is written at once; all else goes through a stream (0.15 ms more). */
function answerJson(answer: unknown): Response {
  return new Response(JSON.stringify(answer), { headers: { ...HEADERS, 'content-type': 'application/json' } })
}

async function answerEvents(context: Context, options: ApiOptions): Promise<Response> {
  const { journal, log, clock = systemClock, ending = new AbortController().signal } = options
  const resumed = context.req.header('last-event-id')
  // A browser reconnects to the same address: its Last-Event-ID is newer than the `after` in there.
  const query = check('query', eventsQuery, { ...context.req.query(), ...(resumed && { after: resumed }) })
  const last = await journal.last()
  const after = query.after ?? last
  if (after > last)
    throw new OrchError('E_INVALID', `query.after: ${after} is not in the journal, it ends at ${last}`)
  const signal = query.follow === 'no' ? AbortSignal.abort() : ending
  const stream = eventStream({ journal, log, clock, after, filter: toFilter(query), signal })
  return context.body(stream, 200, { ...HEADERS, 'content-type': 'text/event-stream; charset=utf-8' })
}

/** The error of an answer. What Orch did not throw itself is told by an id only: the log has the rest. */
function known(thrown: unknown, context: Context, log: Log): OrchError {
  const error = toOrchError(thrown)
  if (error.code !== 'E_INTERNAL') {
    if (error.http >= 500) log.warn('request failed', { path: context.req.path, error })
    return error
  }
  const id = randomUUID()
  log.error('unexpected error', { id, method: context.req.method, path: context.req.path, error: thrown })
  return new OrchError('E_INTERNAL', `something unexpected happened; the central log has it as ${id}`, {
    details: { id },
  })
}

/** An error as an answer. */
export function refuse(context: Context, error: OrchError): Response {
  for (const [name, value] of Object.entries(HEADERS)) context.header(name, value)
  if (error.code === 'E_TOO_LARGE') context.header('connection', 'close')
  return context.json({ error: error.toBody() }, error.http as ContentfulStatusCode)
}
