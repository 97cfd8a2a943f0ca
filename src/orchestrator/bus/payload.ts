import type { z } from 'zod'
import { OrchError } from '../../errors.ts'
import { MESSAGE_TYPES, type MessageType, MOST_PAYLOAD, PAYLOADS } from '../../message/message.ts'
import { oneLine } from '../../text.ts'

/** @throws OrchError E_INVALID (unknown type; a payload of another shape, with each field that is wrong), E_TOO_LARGE */
export function checkPayload(type: MessageType, payload: unknown): Record<string, unknown> {
  if (!Object.hasOwn(PAYLOADS, type))
    throw new OrchError('E_INVALID', `there is no message type ${oneLine(String(type), 60)}`, {
      fix: `There are: ${MESSAGE_TYPES.join(', ')}.`,
    })
  const bytes = Buffer.byteLength(JSON.stringify(payload ?? null))
  if (bytes > MOST_PAYLOAD)
    throw new OrchError('E_TOO_LARGE', `the payload has ${bytes} bytes, at most ${MOST_PAYLOAD} are taken`, {
      fix: 'Say it shorter; what is long belongs into a file of the repository.',
    })
  const checked = PAYLOADS[type].safeParse(payload)
  if (checked.success) return checked.data
  throw new OrchError('E_INVALID', `${type}: ${faultsOf(checked.error)}`, {
    fix: `\`orch messages --types ${type}\` shows its schema.`,
  })
}

/** Each field (at most five) and what is expected there. */
export function faultsOf(error: z.ZodError): string {
  const faults = error.issues.slice(0, 5).map(({ path, message }) => {
    const field = path.length > 0 ? `${oneLine(path.join('.'), 100)}: ` : ''
    return `${field}${oneLine(message, 200)}`
  })
  return faults.join('; ')
}
