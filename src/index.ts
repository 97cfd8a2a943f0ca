/** The library's face. What is exported here keeps its names; everything else may move. */

export type { Client } from './api/client.ts'
export { AgentCommunicationBus } from './api/communication-bus.ts'
export { AgentHandoffSystem, type HandoffRequest } from './api/handoff-system.ts'
export { connectProgram as connect, type ProgramOptions } from './api/lasting-client.ts'
export type {
  AssistanceOrder,
  BusOptions,
  BusStatistics,
  MessageHandler,
  OutgoingMessage,
  ProgramAgent,
  SentMessage,
  SubscribeOptions,
  Subscription,
} from './api/program-messages.ts'
export type { HandoffDetail, HandoffView } from './api/verbs/handoffs.ts'
export { type ErrorCode, OrchError } from './errors.ts'
export type { Handoff } from './handoff/handoff.ts'
export type { Message, MessageType, PayloadOf, Priority } from './message/message.ts'
