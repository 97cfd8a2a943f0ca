import { OrchError, toOrchError } from '../../errors.ts'
import type { Reason, TaskState } from '../../task/task.ts'

export interface FailureOptions {
  /** No further try can help. */
  final?: boolean
  /** Not the agent's doing: no try is used up. */
  lost?: boolean
  cause?: unknown
}

/** What ends an attempt. */
export interface Failure {
  reason: Reason
  final: boolean
  lost: boolean
}

/** Thrown by a stage of an attempt that has failed: the attempt ends with this reason. */
export class AttemptFailed extends Error implements Failure {
  readonly reason: Reason
  readonly final: boolean
  readonly lost: boolean

  constructor(code: string, message: string, options: FailureOptions = {}) {
    super(message, { cause: options.cause })
    this.reason = { code, message }
    this.final = options.final ?? false
    this.lost = options.lost ?? false
  }
}

/** The agent and what runs it went away, without a word of what came of it. */
export const lost = (message: string): AttemptFailed => new AttemptFailed('lost', message, { lost: true })

/** Its own shim ended it: another host might have had the task. */
export const leaseEnded = (): AttemptFailed =>
  new AttemptFailed('lease-ended', 'this host could not renew its lease: its agent was ended by its shim', {
    lost: true,
  })

/** Errors that another try cannot mend. */
const HOPELESS = new Set([
  'E_PROGRAM_MISSING',
  'E_PROGRAM_OLD',
  'E_NO_AGENT',
  'E_TOO_LARGE',
  'E_INVALID',
  'E_NOT_A_REPOSITORY',
  'E_NO_BASE',
  'E_CONFIG',
  'E_FORGE_LOGIN',
  'E_SETUP',
  'E_MCP_UNAPPROVED',
  'E_MCP_CHANGED',
])

/** Any error of a stage as the failure of its attempt: the code becomes the reason's. */
export function toFailure(thrown: unknown): AttemptFailed {
  if (thrown instanceof AttemptFailed) return thrown
  const error = toOrchError(thrown)
  return new AttemptFailed(error.code, `${error.message}\n${error.fix}`, {
    final: HOPELESS.has(error.code),
    lost: error.code === 'E_RUNTIME',
    cause: error,
  })
}

/** True for the refusal of a late writer: the attempt is somebody else's by now, or over. */
export const isStale = (error: unknown): boolean => error instanceof OrchError && error.code === 'E_STALE'

/**
 * True for what is no fault of the attempt and may pass: the store does not take a write; the disk is full while an
 * agent works or its work is done; the work is proven already. Then the stage is done again, and nobody is stopped.
 */
export function isPassing(thrown: unknown, state: TaskState): boolean {
  if (thrown instanceof AttemptFailed) return false
  const { code } = toOrchError(thrown)
  return (
    code === 'E_STORE' ||
    code === 'E_STORE_DOWN' ||
    state === 'verified' ||
    (code === 'E_DISK_FULL' && state !== 'leased')
  )
}
