import { z } from 'zod'
import { OrchError } from '../errors.ts'
import { type Answering, answerVerb, known } from './answering.ts'
import { type RouteName, routes } from './contract.ts'
import { check, checkInput, parseJson } from './request.ts'

/** The calls of one connection that speaks lines. */
export interface Calls {
  /** How many are not answered yet. */
  underWay(): number
  take(line: Buffer): void
  /** Aborts those that wait, answers none. */
  giveUp(): void
}

const texts = z.record(z.string(), z.string())
/** Parameters, query and token are text, as in a request: what comes by lines is what could come by HTTP. */
const lineSchema = z.strictObject({
  id: z.int().min(0),
  verb: z.string().optional(),
  gone: z.literal(true).optional(),
  input: z
    .strictObject({
      params: texts.optional(),
      query: texts.optional(),
      bearer: z.string().regex(/^\S+$/, 'a token').optional(),
      body: z.unknown().optional(),
    })
    .optional(),
})
type Line = z.output<typeof lineSchema>

/** `write` is given each answer, `answered` is told of each that was left out, too. */
export function createCalls(
  answering: Answering,
  write: (line: object) => void,
  answered: () => void,
): Calls {
  const calls = new Map<number, AbortController>()
  const run = async (line: Line) => {
    const gone = new AbortController()
    calls.set(line.id, gone)
    const answer = await answerLine(answering, line, gone.signal)
    calls.delete(line.id)
    if (!gone.signal.aborted) write({ id: line.id, ...answer })
    answered()
  }
  return {
    underWay: () => calls.size,
    take(bytes) {
      try {
        const line = check('line', lineSchema, parseJson('line', bytes))
        if (line.gone) calls.get(line.id)?.abort()
        else if (!calls.has(line.id)) void run(line)
        else throw new OrchError('E_INVALID', `line.id: ${line.id} is that of a call under way`)
      } catch (error) {
        write({ id: null, error: known(error, { lines: true }, answering.log).toBody() })
      }
    },
    giveUp() {
      for (const call of calls.values()) call.abort()
    },
  }
}

/** Never rejects. */
async function answerLine(
  answering: Answering,
  { verb = '', input = {} }: Line,
  gone: AbortSignal,
): Promise<{ answer: unknown } | { error: object }> {
  try {
    if (!Object.hasOwn(routes, verb)) throw new OrchError('E_NOT_FOUND', 'the API has no such verb')
    const name = verb as RouteName
    return { answer: await answerVerb(answering, name, checkInput(routes[name], input), () => gone) }
  } catch (error) {
    return { error: known(error, { verb }, answering.log).toBody() }
  }
}
