import type { Redis } from 'ioredis'
import { storeError } from './failure.ts'
import { BASE } from './lua/base.ts'

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

export interface ScriptOptions {
  /** It frees memory, or takes hardly any: done also when Redis is full. */
  evenWhenFull?: true
}

export function createScripts(redis: Redis, prefix: string): Scripts {
  return {
    define<I, O>(name: string, parts: readonly string[], body: string, options: ScriptOptions = {}) {
      const head = `#!lua${options.evenWhenFull ? ' flags=allow-oom' : ''}\n`
      const lua = `${head}${BASE}${parts.join('\n')}\nlocal A = cjson.decode(ARGV[1])\n${body}`
      redis.defineCommand(name, { numberOfKeys: 1, lua })
      const command = (redis as unknown as Record<string, (...args: string[]) => Promise<string | null>>)[
        name
      ]
      return async (input: I) => {
        try {
          const answer = await command?.call(redis, prefix, JSON.stringify(input))
          return (answer === null || answer === undefined ? undefined : JSON.parse(answer)) as O
        } catch (error) {
          throw storeError(error)
        }
      }
    },
  }
}
