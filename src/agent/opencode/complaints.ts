import { plainText } from '../../text.ts'

/**
 * What opencode says beside its events, on standard error: its log (`--print-logs`), and words for people. Only there it
 * tells that the service failed and is asked again, and that a permission was refused.
 */
export type Complaint =
  /** The service answered with an error; the program asks again by itself, or waits. */
  | { type: 'service'; at: number; session?: string; error: string }
  /** It will end with an error event that does not say why: this is why. */
  | { type: 'cause'; error: string }
  | { type: 'refused'; about: string }
  | { type: 'session-gone' }
  /** A line of the log that says nothing of the turn. */
  | { type: 'passed-over' }

const LOG = /^timestamp=(\S+) level=\w+ /
const PERMISSION = /^!\s+permission requested: (.*); auto-rejecting$/s

/** @returns undefined for a line that is none of these. */
export function complaintOf(line: string): Complaint | undefined {
  const log = LOG.exec(line)
  if (log) return logged(line, Date.parse(log[1] ?? '') || 0)
  if (line.startsWith('{')) return undefined
  const said = plainText(line.slice(0, MAX_WORDS)).trim()
  const permission = PERMISSION.exec(said)
  if (permission) return { type: 'refused', about: permission[1] ?? '' }
  return said === 'Error: Session not found' ? { type: 'session-gone' } : undefined
}

const MAX_WORDS = 10_000

function logged(line: string, at: number): Complaint {
  const message = field(line, 'message')
  if (message === 'stream error') {
    const session = field(line, 'session.id')
    return {
      type: 'service',
      at,
      ...(session && { session }),
      error: field(line, 'error.error') ?? 'not told',
    }
  }
  if (message === 'failed') return { type: 'cause', error: field(line, 'error') ?? 'not told' }
  return { type: 'passed-over' }
}

/** Value of `key=word` or `key="words"`. */
function field(line: string, key: string): string | undefined {
  const start = line.indexOf(` ${key}=`)
  if (start < 0) return undefined
  const [, quoted, word] = /^(?:"((?:\\.|[^"\\])*)"|(\S*))/.exec(line.slice(start + key.length + 2)) ?? []
  return quoted === undefined ? word : unquoted(quoted)
}

function unquoted(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string
  } catch {
    return text
  }
}
