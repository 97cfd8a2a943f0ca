import { OrchError } from '../../../errors.ts'
import type { Exchange, Reach } from '../../store.ts'
import { createClockOffset } from '../connection/clock-offset.ts'
import { withinTime } from '../connection/within.ts'
import { PULSE } from '../lua/life.ts'
import type { Closing, RedisTools } from '../tools.ts'

const EVERY_MS = 2_000
/** A connection that is silent for so long is given up and made anew: the other end may be gone without a word. */
const SILENT_MS = 5_000
/** So often the clocks are compared when a connection is new. */
const FIRST_BEATS = 5

export interface Pulse extends Pick<Exchange, 'reach' | 'onReach' | 'clockOffset'>, Closing {
  /** Asks for the first time. @throws OrchError E_STORE_DOWN */
  begin(): Promise<void>
  /** ms of the newest round trip. */
  latency(): number
}

/** Looks every two seconds whether Redis is there, which one, and what time it has. */
export function createPulse({ redis, connection, scripts, life, log }: RedisTools): Pulse {
  const beat = scripts.define<null, { time: number }>('orchPulse', [], PULSE, { evenWhenFull: true })
  const offset = createClockOffset()
  const { reach, up, down, onReach } = createReach((it) =>
    log.warn(`store ${it.state}`, { reason: it.reason }),
  )
  let closed = false
  let trouble: string | undefined
  life.now = () => Date.now() + offset.value()

  /** `anew`: what was known before is of another clock, perhaps. It holds until there is better: no moment has none. */
  const once = async (anew = false) => {
    const [sent, from] = [Date.now(), performance.now()]
    const { time } = await withinTime(beat(null), SILENT_MS, silent)
    if (anew) offset.forget()
    offset.sample(sent, performance.now() - from, time)
  }
  const several = async () => {
    for (let count = 0; count < FIRST_BEATS; count++) await once(count === 0)
  }
  let beating: Promise<void> | undefined
  const look = (beats: () => Promise<void>): Promise<void> => {
    beating ??= beats()
      .then(up, (error: OrchError) => {
        if (!closed) down(error.message)
        if (error.message === SILENCE) connection.again()
      })
      .finally(() => {
        beating = undefined
      })
    return beating
  }

  const onReady = () => void (beating ?? Promise.resolve()).then(() => look(several))
  const onError = (error: Error) => {
    trouble = error.message
  }
  const onClose = () => {
    // What is down already had a reason; that its connection is given up is none.
    if (!closed && (trouble || reach().state === 'up'))
      down(`Redis cannot be reached: ${trouble ?? 'the connection is closed'}`)
    trouble = undefined
  }
  const timer = setInterval(() => redis.status === 'ready' && void look(() => once()), EVERY_MS).unref()
  return {
    async begin() {
      await several()
      redis.on('ready', onReady).on('error', onError).on('close', onClose)
      life.failed = ({ message }) => void (!closed && redis.status === 'ready' && down(message))
    },
    reach,
    onReach,
    clockOffset: () => offset.value(),
    latency: () => offset.latency(),
    async close() {
      closed = true
      clearInterval(timer)
      redis.off('ready', onReady).off('close', onClose)
    },
  }
}

const SILENCE = `Redis cannot be reached: no answer within ${SILENT_MS} ms`
const silent = () => new OrchError('E_STORE_DOWN', SILENCE)

function createReach(changed: (reach: Reach) => void) {
  let current: Reach = { state: 'up', since: Date.now() }
  const listeners = new Set<(reach: Reach) => void>([changed])
  const become = (next: Omit<Reach, 'since'>) => {
    const same = current.state === next.state
    current = { ...next, since: same ? current.since : Date.now() }
    if (!same) for (const listener of [...listeners]) listener({ ...current })
  }
  return {
    reach: () => ({ ...current }),
    up: () => become({ state: 'up' }),
    down: (reason: string) => become({ state: 'down', reason }),
    onReach(listener: (reach: Reach) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}
