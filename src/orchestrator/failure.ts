import { OrchError, toOrchError } from '../errors.ts'
import type { Reason } from '../task/task.ts'

/** Thrown by a stage of an attempt that has failed: the attempt ends with this reason. */
export class AttemptFailed extends Error {
  readonly reason: Reason
  /** No further try can help. */
  readonly final: boolean

  constructor(code: string, message: string, options: { final?: boolean; cause?: unknown } = {}) {
    super(message, { cause: options.cause })
    this.reason = { code, message }
    this.final = options.final ?? false
  }
}

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
])

/** Any error of a stage as the failure of its attempt: the code becomes the reason's. */
export function toFailure(thrown: unknown): AttemptFailed {
  if (thrown instanceof AttemptFailed) return thrown
  const error = toOrchError(thrown)
  return new AttemptFailed(error.code, `${error.message}\n${error.fix}`, {
    final: HOPELESS.has(error.code),
    cause: error,
  })
}

/** True for the refusal of a late writer: the attempt is somebody else's by now, or over. */
export const isStale = (error: unknown): boolean => error instanceof OrchError && error.code === 'E_STALE'
