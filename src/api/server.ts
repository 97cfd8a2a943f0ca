import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { type Clock, systemClock } from '../clock.ts'
import { OrchError } from '../errors.ts'
import type { Journal } from '../store/store.ts'
import { type Answering, answerVerb, known } from './answering.ts'
import { eventsQuery, type RouteName, routes, type Shape } from './contract.ts'
import { eventStream, toFilter } from './event-stream.ts'
import { check, readInput } from './request.ts'
import { EVENTS_PATH } from './route-table.ts'

export interface ApiOptions extends Answering {
  journal: Journal
  clock?: Clock
}

/**
 * The API over the handlers: every verb of contract.ts and the event stream. Whoever reaches it is let in: `serve`
 * puts the doors before it.
 */
export function createApi(options: ApiOptions): Hono {
  const api = new Hono()
  for (const name of Object.keys(routes) as RouteName[]) {
    const shape: Shape = routes[name]
    api.on(shape.method, shape.path, async (context) => {
      const input = await readInput(context, shape)
      return answerJson(await answerVerb(options, name, input, () => context.req.raw.signal))
    })
  }
  api.get(EVENTS_PATH, (context) => answerEvents(context, options))
  api.notFound((context) => refuse(context, new OrchError('E_NOT_FOUND', 'the API has no such path')))
  api.onError((error, context) =>
    refuse(context, known(error, { method: context.req.method, path: context.req.path }, options.log)),
  )
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

/** An error as an answer. */
export function refuse(context: Context, error: OrchError): Response {
  for (const [name, value] of Object.entries(HEADERS)) context.header(name, value)
  if (error.code === 'E_TOO_LARGE') context.header('connection', 'close')
  return context.json({ error: error.toBody() }, error.http as ContentfulStatusCode)
}
