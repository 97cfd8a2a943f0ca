import type { DeliveryView } from '../../api/contract.ts'
import { gist } from '../../api/gist.ts'
import { oneLine, plainText } from '../../text.ts'
import type { Cli } from '../cli.ts'
import type { Colour, Paint } from '../style.ts'
import { facts } from '../table.ts'
import { dayTime, duration } from '../time.ts'

/** Messages as people read them. What others wrote is freed of control characters. */

/** `120ms`, then as `duration`. */
export const span = (ms: number): string => (ms < 1_000 ? `${Math.round(ms)}ms` : duration(ms))

const LONGEST = 120

/** `sender → receiver`, with the audience of a copy for many. */
export function way({ message: { from, to, audience } }: DeliveryView): string {
  return `${oneLine(from, 64)} → ${oneLine(to, 64)}${audience ? ` (${oneLine(audience, 60)})` : ''}`
}

/** What became of it so far. */
export function fate({ state, took, reason, message }: DeliveryView): string {
  const words = [
    state === 'waiting' &&
      (took.delivered === undefined ? 'waits' : `with its reader since ${span(took.delivered)}`),
    state === 'acknowledged' && `read${took.read === undefined ? '' : ` after ${span(took.read)}`}`,
    (state === 'dead' || state === 'dropped') && `${state}${reason ? `: ${oneLine(reason.code, 40)}` : ''}`,
    took.answered !== undefined && `answered after ${span(took.answered)}`,
    message.retryCount > 0 && `came back ${message.retryCount} times`,
  ]
  return words.filter(Boolean).join(', ')
}

const COLOURS: Record<DeliveryView['state'], Colour> = {
  waiting: 'yellow',
  acknowledged: 'dim',
  dead: 'red',
  dropped: 'dim',
}

/** One line with a line end. */
export function messageLine(delivery: DeliveryView, paint: Paint, said = fate(delivery)): string {
  const { message, state, sentAt } = delivery
  const urgent = message.priority === 'normal' ? '' : ` ${message.priority}`
  const head = `${dayTime(sentAt)}  ${oneLine(message.id, 130)}  ${way(delivery)}`
  return `${head}  ${message.type}${urgent}  ${gist(message, LONGEST)}  ${paint(COLOURS[state], `[${said}]`)}\n`
}

/** The payload as YAML, which people read without effort; what is empty is left out. */
export async function payloadText(payload: Record<string, unknown>): Promise<string> {
  const { stringify } = await import('yaml')
  const said = Object.entries(payload).filter(([, value]) => !(Array.isArray(value) && value.length === 0))
  return plainText(stringify(Object.fromEntries(said), { lineWidth: 0 })).trimEnd()
}

/** Everything that is known of one message. */
export async function messageDetail(delivery: DeliveryView, { paint }: Cli): Promise<string> {
  const { message, sentAt, deliveredAt, readAt, answer, took, reason, notBefore } = delivery
  const at = (time: string | undefined, after: number | undefined) =>
    time && `${dayTime(time)}${after === undefined ? '' : ` (after ${span(after)})`}`
  const table = facts(
    [
      ['message', `${message.id} (${message.type}, version ${message.version})`],
      ['way', way(delivery)],
      ['priority', message.priority],
      ['run', message.runId],
      ['correlation', message.correlationId],
      [
        'state',
        `${delivery.state}${message.retryCount > 0 ? `, came back ${message.retryCount} times` : ''}`,
      ],
      ['why', reason && plainText(`${reason.message} (${reason.code})`)],
      ['sent', dayTime(sentAt)],
      ['delivered', at(deliveredAt, took.delivered)],
      ['read', at(readAt, took.read)],
      ['answered', answer && `${at(answer.at, took.answered)} by ${answer.id}`],
      ['again', notBefore && dayTime(notBefore)],
      ['expires', message.expiresAt && dayTime(message.expiresAt)],
    ],
    paint,
  )
  return `${table}\n${await payloadText(message.payload)}\n`
}
