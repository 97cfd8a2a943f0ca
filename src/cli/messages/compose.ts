import type { DeliveryView } from '../../api/contract.ts'
import type { MessageType } from '../../api/gist.ts'
import { OrchError } from '../../errors.ts'
import { oneLine } from '../../text.ts'
import { readInput } from '../input.ts'
import type { World } from '../world.ts'

/** A message out of what stands on the command line. */

export interface Words {
  type?: MessageType | undefined
  payload?: string | undefined
  payloadFile?: string | undefined
  verdict?: 'approved' | 'refused' | undefined
  text: string
}

type Payload = Record<string, unknown>

const firstLine = (text: string) => oneLine(text.trim().split('\n', 1)[0] ?? '', 200)

/** What becomes of plain text; other types have fields that a text does not tell. */
const FROM_TEXT: Partial<Record<MessageType, (text: string, words: Words) => Payload>> = {
  context_share: (content) => ({ subject: firstLine(content), content }),
  warning: (text) => ({ text }),
  assistance_request: (question) => ({ question }),
  assistance_response: (answer) => ({ answer }),
  validation_request: (what) => ({ what }),
  validation_result: (summary, { verdict }) => ({ verdict: neededVerdict(verdict), summary }),
  progress_update: (text) => ({ summary: firstLine(text) }),
  pattern_discovered: (description) => ({ name: firstLine(description), description }),
  optimization_tip: (tip) => ({ tip }),
}

/** @throws OrchError E_USAGE, E_INVALID, E_NOT_FOUND */
export async function payloadOf(
  type: MessageType,
  words: Words,
  world: Pick<World, 'stdin'>,
): Promise<unknown> {
  const given = await givenPayload(words, world)
  if (given !== undefined && words.text !== '')
    throw new OrchError('E_USAGE', 'a payload or a text: not both', { fix: 'See `orch send --help`.' })
  if (given !== undefined) return given
  const text = words.text === '-' ? (await readInput('-', world)).text : words.text
  if (text.trim() === '') throw new OrchError('E_USAGE', 'there is nothing to send')
  const make = FROM_TEXT[type]
  if (make) return make(text, words)
  throw new OrchError('E_USAGE', `a ${oneLine(type, 60)} is more than a text: it needs --payload`, {
    fix: `\`orch messages --types ${oneLine(type, 60)}\` shows its schema.`,
  })
}

/** What `--payload` and `--payload-file` say; undefined when neither is given. @throws OrchError E_USAGE, E_INVALID */
export async function givenPayload(
  { payload, payloadFile }: Pick<Words, 'payload' | 'payloadFile'>,
  world: Pick<World, 'stdin'>,
): Promise<Payload | undefined> {
  if (payload !== undefined && payloadFile !== undefined)
    throw new OrchError('E_USAGE', '--payload or --payload-file: not both')
  if (payload !== undefined) return parse('--payload', payload)
  if (payloadFile === undefined) return undefined
  const { name, text } = await readInput(payloadFile, world)
  return parse(name, text)
}

function parse(name: string, text: string): Payload {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Payload
  } catch (cause) {
    throw new OrchError('E_INVALID', `${name}: ${oneLine((cause as Error).message, 200)}`, { cause })
  }
  throw new OrchError('E_INVALID', `${name}: a payload is a JSON object`)
}

function neededVerdict(verdict: Words['verdict']): string {
  if (verdict !== undefined) return verdict
  throw new OrchError('E_USAGE', 'a validation is answered with --verdict approved or --verdict refused')
}

const ANSWERS: Partial<Record<string, MessageType>> = {
  assistance_request: 'assistance_response',
  validation_request: 'validation_result',
}

/** The type that answers it. @throws OrchError E_INVALID when it asks for nothing */
export function answerTo({ message: { id, type } }: DeliveryView): MessageType {
  const answer = ANSWERS[type]
  if (answer) return answer
  throw new OrchError('E_INVALID', `${id} is a ${type}: it asks for no answer`, {
    fix: 'Send without --reply.',
  })
}
