import type { AgentEvent } from '../journal/journal.ts'
import { oneLine, plainText } from '../text.ts'
import type { Heard } from './agent.ts'

/** A line of a program that prints JSON objects, one a line, as it is parsed. */
export type JsonMessage = Record<string, unknown>

export interface JsonLines {
  /** What a message means; undefined when it is not known. It may throw at one whose shape has changed. */
  read(message: JsonMessage): AgentEvent[] | Heard | undefined
  /** What to call a message that is not known. Default: its `type`. */
  kindOf?(message: JsonMessage): string
}

/**
 * `OutputReader.line` for programs that print JSON lines: it never throws, notes what it does not understand (each kind
 * of unknown message once), keeps long texts out of the journal and makes the transcript.
 */
export function createJsonLines({ read, kindOf = typeOf }: JsonLines): (line: string) => Heard {
  const noted = new Set<string>()
  const note = (kind: string, text: string): Heard => {
    // A program that talks garbage must not fill the journal with it.
    if (noted.has(kind) || noted.size >= MAX_NOTES) return { events: [] }
    noted.add(kind)
    return { events: [{ type: 'note', text }] }
  }
  const understand = (line: string): Heard => {
    const message = parse(line)
    if (!message) return note(`line ${noted.size}`, `not understood: ${oneLine(line, 200)}`)
    try {
      const meaning = read(message)
      if (Array.isArray(meaning)) return { events: meaning }
      const kind = oneLine(kindOf(message), 80)
      return meaning ?? note(`unknown ${kind}`, `unknown event: ${kind}`)
    } catch {
      const kind = oneLine(kindOf(message), 80)
      return note(`changed ${kind}`, `event of a changed shape: ${kind}: ${oneLine(line, 200)}`)
    }
  }
  return (line) => {
    if (!line.trim()) return { events: [] }
    const heard = understand(line)
    const events = heard.events.map(shortened)
    const text = heard.text ?? events.map(readable).filter(Boolean).join('\n')
    return { ...heard, events, text: text || undefined }
  }
}

const MAX_NOTES = 100
const MAX_TEXT = 16_000
const MAX_INPUT = 1_000

const typeOf = ({ type }: JsonMessage) => (typeof type === 'string' ? type : 'without a type')

function parse(line: string): JsonMessage | undefined {
  try {
    const json: unknown = JSON.parse(line)
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as JsonMessage)
      : undefined
  } catch {
    return undefined
  }
}

/** Text of at most `max` UTF-16 units, the end marked when something was cut. */
export function shorten(text: string, max = MAX_TEXT): string {
  return text.length > max ? `${text.slice(0, max - 1)}…`.toWellFormed() : text
}

function shortened(event: AgentEvent): AgentEvent {
  switch (event.type) {
    case 'message':
      return { ...event, text: shorten(event.text) }
    case 'note':
      return { ...event, text: shorten(event.text, MAX_INPUT) }
    case 'tool.called':
      return event.input === undefined ? event : { ...event, input: shorten(event.input, MAX_INPUT) }
    case 'turn.ended':
      return {
        ...event,
        ...(event.text !== undefined && { text: shorten(event.text) }),
        ...(event.error !== undefined && { error: shorten(event.error, MAX_INPUT) }),
      }
    default:
      return event
  }
}

/** An event as a line of the transcript; empty for what nobody needs to read. */
export function readable(event: AgentEvent): string {
  switch (event.type) {
    case 'message':
      return plainText(event.text)
    case 'tool.called':
      return `● ${oneLine(event.name, 80)} ${oneLine(event.input ?? '', 160)} ${event.ok === undefined ? '' : event.ok ? '✓' : '✗'}`.trim()
    case 'note':
      return `! ${oneLine(event.text, 300)}`
    case 'waiting':
      return `? waiting for ${event.for}${event.about ? `: ${oneLine(event.about, 160)}` : ''}`
    case 'quota.hit':
      return '! the quota of the account is used up'
    case 'turn.ended':
      return event.ok ? '' : `✗ ${oneLine(event.error ?? '', 500)}`
    default:
      return ''
  }
}

/** What a tool was asked, short: a shell command or a path says more than the whole JSON. */
export function toolInput(input: unknown): string {
  if (typeof input === 'string') return shorten(input, MAX_INPUT)
  const fields = (typeof input === 'object' && input !== null ? input : {}) as JsonMessage
  const telling = fields.command ?? fields.cmd ?? fields.file_path ?? fields.filePath ?? fields.path ?? input
  return shorten(typeof telling === 'string' ? telling : JSON.stringify(telling ?? ''), MAX_INPUT)
}
