import type { Clock } from '../clock.ts'
import { toOrchError } from '../errors.ts'
import type { RunId, TaskId } from '../id.ts'
import { type EventFilter, type EventType, type JournalEvent, matches } from '../journal/journal.ts'
import type { Log } from '../log.ts'
import type { Journal } from '../store/store.ts'
import { known } from './answering.ts'
import { EVENTS_PATH } from './route-table.ts'
import type { EventView } from './views.ts'

/** Events that are read at once. A reader that lags costs this much memory and no more. */
const PAGE = 100
const HEARTBEAT_MS = 15_000

export interface FollowOptions {
  journal: Journal
  clock: Clock
  /** Seq of the last event that the reader has. */
  after: number
  filter: EventFilter
  /** Ends the stream, after what is in the journal was given. */
  signal: AbortSignal
}

/**
 * Pages of events after `after`, in order, without gap or double; an empty page when nothing happened for 15 s.
 * What it gives comes out of the journal; the subscription only wakes it. So a slow reader reads later, from the
 * disk, and nothing piles up in memory.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<JournalEvent[], void> {
  const { journal, filter, signal } = options
  let cursor = options.after
  let newest = 0
  let wake = Promise.withResolvers<void>()
  const unsubscribe = journal.subscribe((events) => {
    newest = events.at(-1)?.seq ?? newest
    if (events.some((event) => matches(event, filter))) wake.resolve()
  })
  const end = () => wake.resolve()
  signal.addEventListener('abort', end)
  try {
    for (;;) {
      const ending = signal.aborted
      const horizon = newest
      wake = Promise.withResolvers()
      const page = await journal.read({ ...filter, after: cursor, limit: PAGE })
      cursor = page.at(-1)?.seq ?? cursor
      if (page.length > 0) yield page
      if (page.length === PAGE) continue
      // Nothing up to the horizon is left that matches: the next read need not look there again.
      cursor = Math.max(cursor, horizon)
      if (ending) return
      if (!signal.aborted && !(await woken(wake.promise, options.clock))) yield []
    }
  } finally {
    unsubscribe()
    signal.removeEventListener('abort', end)
  }
}

async function woken(wake: Promise<void>, clock: Clock): Promise<boolean> {
  const turn = new AbortController()
  const timer = clock.sleep(HEARTBEAT_MS, turn.signal).then(() => false)
  const result = await Promise.race([wake.then(() => true), timer])
  turn.abort()
  return result
}

/** `follow` as the body of a server-sent event stream. It reads only as fast as its reader takes. */
export function eventStream(options: FollowOptions & { log: Log }): ReadableStream<Uint8Array> {
  const gone = new AbortController()
  const pages = follow({ ...options, signal: AbortSignal.any([options.signal, gone.signal]) })
  const encoder = new TextEncoder()
  return new ReadableStream(
    {
      start: (controller) => controller.enqueue(encoder.encode(opening(options.after))),
      async pull(controller) {
        try {
          const { done, value } = await pages.next()
          if (gone.signal.aborted) return
          if (done) controller.close()
          else controller.enqueue(encoder.encode(encodePage(value)))
        } catch (error) {
          if (gone.signal.aborted) return // it left while we read on: nobody is to be told anything
          // The reader comes back with the id of its last event: ending is better than a stream with a hole.
          controller.enqueue(encoder.encode(failed(error, options.log)))
          controller.close()
        }
      },
      async cancel() {
        gone.abort()
        await pages.return()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Tells at once where the stream starts, so that a reader that has seen no event yet can resume too. */
const opening = (after: number) => `retry: 500\nevent: ready\nid: ${after}\ndata: {}\n\n`

/** For who reads to the end: this is none. */
function failed(thrown: unknown, log: Log): string {
  const error = toOrchError(thrown)
  const isAway = error.code === 'E_STORE_DOWN'
  if (isAway) log.debug('event stream failed', { error }) // readers come back twice a second
  const { code, message, fix } = isAway ? error : known(error, { path: EVENTS_PATH }, log)
  return `event: failed\ndata: ${JSON.stringify({ code, message, fix })}\n\n`
}

function encodePage(page: JournalEvent[]): string {
  if (page.length === 0) return ': still here\n\n'
  return page.map((event) => `id: ${event.seq}\ndata: ${JSON.stringify(toEventView(event))}\n\n`).join('')
}

/** A journal event as the API shows it. */
export function toEventView(event: JournalEvent): EventView {
  return { ...event, at: new Date(event.at).toISOString() }
}

/** The filter of `GET /v1/events` in the journal's words. The schema has checked the ids. */
export function toFilter(query: { run?: string; task?: string; types?: string }): EventFilter {
  return {
    ...(query.run && { runId: query.run as RunId }),
    ...(query.task && { taskId: query.task as TaskId }),
    ...(query.types && { types: query.types.split(',') as EventType[] }),
  }
}
