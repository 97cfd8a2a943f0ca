import { z } from 'zod'
import { handoffSchema } from '../handoff/handoff.ts'
import { capability, files, longText, shortText } from './words.ts'

/** Messages: what agents, programs and people tell each other. Pure data; delivery.ts tells how one gets to its reader. */

/** Version of the envelope and of all payloads together. A reader refuses one that it does not know. */
export const MESSAGE_VERSION = 1

export const SEVERITIES = ['info', 'low', 'medium', 'high', 'critical'] as const
const severity = z.enum(SEVERITIES)
const commit = z.string().regex(/^[0-9a-f]{7,64}$/, 'a commit id')
const taskId = z.string().regex(/^t-[0-9a-z]{1,40}$/, 'the id of a task')
const place = { file: files.element.optional(), line: z.int().min(1).optional() }

/** Something that was found: a weakness, a fault, a fact that others must know. */
export const findingSchema = z.strictObject({
  title: shortText,
  severity,
  description: longText,
  ...place,
  evidence: longText.optional().describe('how it was seen: a command and its output, a test'),
  recommendation: longText.optional(),
})

/** The payload of each type. What a type is for is told by its description; JSON Schemas are made from these. */
export const PAYLOADS = {
  finding_report: findingSchema.describe('A finding: what is wrong or worth knowing, where, how bad.'),
  context_share: z
    .strictObject({ subject: shortText, content: longText, files: files.default([]) })
    .describe('Knowledge that helps others with their work.'),
  warning: z
    .strictObject({ text: longText, severity: severity.default('medium'), files: files.default([]) })
    .describe('Something that others must not run into.'),
  assistance_request: z
    .strictObject({
      question: longText,
      capability: capability.optional(),
      context: longText.optional(),
      files: files.default([]),
    })
    .describe('A question that needs an answer: assistance_response with its correlation id.'),
  assistance_response: z
    .strictObject({
      status: z.enum(['answered', 'declined', 'timed-out']).default('answered'),
      answer: longText,
      files: files.default([]),
    })
    .describe('The answer to an assistance_request.'),
  validation_request: z
    .strictObject({
      what: longText.describe('what is to be judged, and by what'),
      capability: capability.optional(),
      task: taskId.optional(),
      branch: shortText.optional(),
      commit: commit.optional(),
      files: files.default([]),
    })
    .describe('Work that is to be judged: validation_result with its correlation id.'),
  validation_result: z
    .strictObject({
      verdict: z.enum(['approved', 'refused']),
      summary: longText,
      commit: commit.optional().describe('the commit that was judged'),
      findings: z.array(findingSchema).max(100).default([]),
    })
    .describe('The verdict on a validation_request.'),
  handoff: handoffSchema.describe('Work that moves on, with everything that its receiver must know.'),
  progress_update: z
    .strictObject({ summary: shortText, percent: z.number().min(0).max(100).optional() })
    .describe('How far the sender is.'),
  pattern_discovered: z
    .strictObject({ name: shortText, description: longText, files: files.default([]) })
    .describe('Something that comes again and again in this repository.'),
  optimization_tip: z
    .strictObject({ tip: longText, benefit: shortText.optional(), files: files.default([]) })
    .describe('How something can be done faster or with less.'),
  task_assignment: z
    .strictObject({ task: taskId, title: shortText, description: longText })
    .describe('A task that was given to the receiver.'),
  task_result: z
    .strictObject({
      task: taskId,
      title: shortText,
      status: z.enum(['accepted', 'dead', 'cancelled']),
      summary: longText.default(''),
      branch: shortText.optional(),
      head: commit.optional(),
      pullRequest: z.string().max(2_000).optional(),
      reason: longText.optional(),
      /** What became of its branch in the receiver's. */
      merge: z.enum(['merged', 'conflict', 'open']).optional(),
      conflicts: files.optional(),
      next: longText.optional().describe('what the receiver is to do about it'),
    })
    .describe('What became of a task that the receiver had made.'),
} as const satisfies Record<string, z.ZodObject>

export type MessageType = keyof typeof PAYLOADS
export type PayloadOf<T extends MessageType> = z.output<(typeof PAYLOADS)[T]>
export const MESSAGE_TYPES = Object.keys(PAYLOADS) as [MessageType, ...MessageType[]]

/** What asks for an answer, and the type of the answer. */
export const ANSWERS = {
  assistance_request: 'assistance_response',
  validation_request: 'validation_result',
} as const satisfies Partial<Record<MessageType, MessageType>>
export type RequestType = keyof typeof ANSWERS
export const isRequest = (type: MessageType): type is RequestType => type in ANSWERS
export const isAnswer = (type: MessageType): boolean =>
  (Object.values(ANSWERS) as MessageType[]).includes(type)

/** Higher ones wake and may interrupt; the order of one sender's messages never changes. */
export const PRIORITIES = ['low', 'normal', 'high', 'critical'] as const
export type Priority = (typeof PRIORITIES)[number]

/** Bytes of a payload as JSON. */
export const MOST_PAYLOAD = 256 * 1024

/** Where people read. */
export const PERSON = 'person'
/** Who sends what nobody asked for: results of tasks, answers that did not come in time. */
export const ORCH = 'orch'

/** A task's mailbox has the id of the task: whichever agent holds the task reads it. Others have a name. */
export const mailboxName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'a mailbox is named by small letters, digits and dashes')
export const messageId = z.string().regex(/^[\w-]{8,64}$/, 'an id of 8 to 64 letters, digits, - and _')
export const topicName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'a topic is small letters, digits, dashes')

/** A message as everybody sees it. One that goes to many is one message for each of them, with the same `correlationId`. */
export const messageSchema = z.strictObject({
  /** Made by the sender or by Orch. Sent twice it is one message. */
  id: messageId,
  version: z.literal(MESSAGE_VERSION),
  type: z.enum(MESSAGE_TYPES),
  from: mailboxName,
  to: mailboxName,
  /** Absent = to this receiver alone; `*` = all of its run; `#topic` = who had subscribed. */
  audience: z.string().optional(),
  priority: z.enum(PRIORITIES),
  /** When it was sent. */
  timestamp: z.iso.datetime(),
  /** A request's own id; an answer has that of its request. */
  correlationId: messageId.optional(),
  /** How often it came back unread. */
  retryCount: z.int().min(0),
  /** Not delivered after this. */
  expiresAt: z.iso.datetime().optional(),
  runId: z
    .string()
    .regex(/^r-[0-9a-z]{1,40}$/)
    .optional(),
  payload: z.record(z.string(), z.unknown()),
})
export type Message = Omit<z.output<typeof messageSchema>, 'runId'> & { runId?: `r-${string}` | undefined }
