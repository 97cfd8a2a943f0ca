import type {
  AGENT_METHODS,
  CancelNotification,
  InitializeRequest,
  NewSessionRequest,
  PromptRequest,
  RequestPermissionResponse,
} from '@agentclientprotocol/sdk'
import type { RpcId } from './messages.ts'

/**
 * What Orch writes to an ACP agent (protocol version 1), as the bytes for its standard input. Of the SDK only the types
 * are used: its connections hold state that would not outlive the daemon (docs/decisions/015).
 */
type Method = (typeof AGENT_METHODS)[keyof typeof AGENT_METHODS]

export const PROTOCOL_VERSION = 1

const line = (message: object): string => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`
const request = <P>(id: string, method: Method, params: P): string => line({ id, method, params })

/** The agent has tools and a checkout of its own: Orch offers it neither files nor terminals. */
export const initialize = (id: string): string =>
  request<InitializeRequest>(id, 'initialize', {
    protocolVersion: PROTOCOL_VERSION,
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
    clientInfo: { name: 'orch', title: 'Orch', version: '1' },
  })

export const openSession = (
  id: string,
  session: { method: 'session/new' | 'session/load' | 'session/resume'; sessionId?: string },
  place: NewSessionRequest,
): string =>
  request(id, session.method, { ...place, ...(session.sessionId && { sessionId: session.sessionId }) })

export const setting = (id: string, method: string, sessionId: string, params: object): string =>
  line({ id, method, params: { sessionId, ...params } })

export const prompt = (id: string, sessionId: string, text: string): string =>
  request<PromptRequest>(id, 'session/prompt', { sessionId, prompt: [{ type: 'text', text }] })

export const cancel = (sessionId: string): string =>
  line({ method: 'session/cancel' satisfies Method, params: { sessionId } satisfies CancelNotification })

/** @param optionId the option that was chosen; without one the question is called off. */
export const permission = (id: RpcId, optionId?: string): string => {
  const result: RequestPermissionResponse = {
    outcome: optionId === undefined ? { outcome: 'cancelled' } : { outcome: 'selected', optionId },
  }
  return line({ id, result })
}

export const notOffered = (id: RpcId, method: string): string =>
  line({ id, error: { code: -32601, message: `Orch does not offer ${method}` } })
