import { setTimeout as sleep } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { OrchError } from '../../../errors.ts'
import { isFull, storeError } from '../connection/failure.ts'
import { BASE } from '../lua/base.ts'
import { LIFE } from '../lua/life.ts'
import type { Life } from './life.ts'

/**
 * A Lua script: one transaction. Its arguments and its answer are JSON (`ARGV[1]`, cjson); what is only carried along goes
 * in as a string that already is JSON, because cjson makes `{}` of an empty list and rounds numbers to 14 digits.
 * @throws OrchError what the script refuses with, E_STORE, E_STORE_DOWN, E_DISK_FULL
 */
export type Script<I, O> = (input: I) => Promise<O>

export interface Scripts {
  /** `parts`: further Lua that its body uses. The body returns a string that is JSON, or nothing (undefined). */
  define<I, O>(name: string, parts: readonly string[], body: string, options?: ScriptOptions): Script<I, O>
}

/** What hangs longer is left alone. */
const CLOSE_MS = 5_000

type Answer = [answer: string | null, seq: number]

export interface ScriptOptions {
  /** It frees memory, or takes hardly any: done also when Redis is full. */
  evenWhenFull?: true
}

/**
 * Every answer comes with the newest seq, so that a Redis that has forgotten some is found out (lua/life.ts).
 * `close` waits until what is under way is done, then refuses what comes.
 */
export function createScripts(
  redis: Redis,
  prefix: string,
  life: Life,
): Scripts & { close(): Promise<void> } {
  let running = 0
  let closed = false
  return {
    async close() {
      const end = performance.now() + CLOSE_MS
      // A verb may be several scripts, one after another: it is done when none has followed.
      for (let quiet = 0; quiet < 2 && performance.now() < end; quiet = running === 0 ? quiet + 1 : 0)
        await (running === 0 ? new Promise(setImmediate) : sleep(1))
      closed = true
    },
    define<I, O>(name: string, parts: readonly string[], body: string, options: ScriptOptions = {}) {
      const head = `#!lua${options.evenWhenFull ? ' flags=allow-oom' : ''}\n`
      const lua = `${head}${BASE}${LIFE}${parts.join('\n')}\nlocal A = cjson.decode(ARGV[1])
local function body()\n${body}\nend
local answer = body()
return { answer or false, NEWEST }`
      redis.defineCommand(name, { numberOfKeys: 1, lua })
      const command = (redis as unknown as Record<string, (...args: string[]) => Promise<Answer>>)[name]
      return async (input: I) => {
        if (closed) throw new OrchError('E_STORE', 'the store is closed')
        running += 1
        try {
          const { seen, now, holdMs } = life
          const figures = [seen, Math.round(now()), Math.round(holdMs)].map(String)
          const [answer, seq] = (await command?.call(redis, prefix, JSON.stringify(input), ...figures)) ?? []
          life.seen = Math.max(life.seen, Number(seq ?? 0))
          return (answer === null || answer === undefined ? undefined : JSON.parse(answer)) as O
        } catch (thrown) {
          const error = storeError(thrown)
          if (error.code === 'E_STORE_DOWN' && !isFull(error)) life.failed(error)
          throw error
        } finally {
          running -= 1
        }
      }
    },
  }
}
