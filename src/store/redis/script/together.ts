import { storeError } from '../connection/failure.ts'
import type { Script, ScriptOptions, Scripts } from './script.ts'

/** Of one script: nobody waits for long while it runs. */
const MOST = 64

interface Asked<I, O> {
  input: I
  resolve: (answer: O) => void
  reject: (error: unknown) => void
}
type Refused = { refused: string }

/**
 * A script whose calls of one moment go to Redis as one: with many agents at work most of what a call costs is on the way.
 * Each call is done or refused by itself. `body` is as of any script; it must not write before it refuses.
 */
export function defineTogether<I, O>(
  scripts: Scripts,
  name: string,
  parts: readonly string[],
  body: string,
  options?: ScriptOptions,
): Script<I, O> {
  const run = scripts.define<I[], (O | null | Refused)[]>(name, [...parts, eachOf(body)], EACH, options)
  let waiting: Asked<I, O>[] = []

  async function send(asked: Asked<I, O>[]): Promise<void> {
    try {
      const answers = await run(asked.map(({ input }) => input))
      for (const [n, { resolve, reject }] of asked.entries()) {
        const answer = answers[n]
        if (isRefused(answer)) reject(storeError(new Error(answer.refused)))
        else resolve((answer ?? undefined) as O)
      }
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }
  const sendAll = () => {
    const all = waiting
    waiting = []
    for (let from = 0; from < all.length; from += MOST) void send(all.slice(from, from + MOST))
  }
  return async (input) => {
    const answer = Promise.withResolvers<O>()
    // After all that goes on because of the same answer of Redis, and before anything else.
    if (waiting.push({ input, ...answer }) === 1) process.nextTick(sendAll)
    return await answer.promise
  }
}

const isRefused = (answer: unknown): answer is Refused =>
  typeof answer === 'object' && answer !== null && 'refused' in answer

const eachOf = (body: string) => `
local function each(A)
${body}
end
`
const EACH = `
local answers = {}
for n, input in ipairs(A) do
  local done, answer = pcall(each, input)
  if done then
    answers[n] = answer or 'null'
  else
    answers[n] = cjson.encode({ refused = type(answer) == 'table' and answer.err or tostring(answer) })
  end
end
return '[' .. table.concat(answers, ',') .. ']'
`
