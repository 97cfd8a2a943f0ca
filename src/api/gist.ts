import type { MessageType } from '../message/message.ts'
import { oneLine } from '../text.ts'

export type { MessageType }

/** The field of each payload that says the most. */
const FIELDS: Record<MessageType, string> = {
  finding_report: 'title',
  context_share: 'subject',
  warning: 'text',
  assistance_request: 'question',
  assistance_response: 'answer',
  validation_request: 'what',
  validation_result: 'summary',
  handoff: 'goal',
  progress_update: 'summary',
  pattern_discovered: 'name',
  optimization_tip: 'tip',
  task_assignment: 'title',
  task_result: 'title',
}
/** All types of messages, for who does not load their schemas. */
export const MESSAGE_TYPE_NAMES = Object.keys(FIELDS) as MessageType[]

/** What stands before it: it changes how the rest is read. */
const MARKS: Partial<Record<MessageType, string>> = {
  finding_report: 'severity',
  warning: 'severity',
  validation_result: 'verdict',
  task_result: 'status',
}

/** What a message is about, in one line of plain text. */
export function gist(
  { type, payload }: { type: string; payload: Record<string, unknown> },
  max = 200,
): string {
  const [mark, said] = [MARKS, FIELDS].map((of) => payload[of[type as MessageType] ?? ''])
  const text = typeof said === 'string' ? said : JSON.stringify(payload)
  return oneLine(typeof mark === 'string' ? `${mark}: ${text}` : text, max)
}
