import type { Held } from './held.ts'
import { eventOf } from './stop.ts'

/** The people before an agent's screen: when they come and go the journal says so. */
export interface Spectators {
  /** Whether anybody is there, as of the last look. */
  present(): boolean
  /** Asks the runtime, when something changed since it was asked last. */
  look(): Promise<void>
  stop(): void
}

/** `changed` is called when somebody came or left. */
export function createSpectators({ parts, task, attempt, fence }: Held, changed: () => void): Spectators {
  const runtime = parts.runtimes[task.spec.runtime]
  let stale = true
  let present = false
  const stop = runtime.onWatchers(() => {
    stale = true
    changed()
  })
  /** Undefined when the runtime cannot tell: then it is asked again, and its agent works on. */
  const isWatched = async () => {
    try {
      return (await runtime.watchers(attempt.agent)) > 0
    } catch (error) {
      stale = true
      parts.log.debug('who watches an agent is not known', { agent: attempt.agent, error })
      return undefined
    }
  }
  return {
    present: () => present,
    stop,
    async look() {
      if (!stale) return
      stale = false
      const now = await isWatched()
      if (now === undefined || now === present) return
      present = now
      const event = eventOf(parts, attempt, now ? 'agent.attached' : 'agent.detached')
      await parts.store.tasks.progress(fence, { events: [event] })
    },
  }
}
