import { type ErrorCode, OrchError } from '../../../errors.ts'

/** `ORCH E_STALE the message`, as `refuse` in lua/base.ts makes it; Redis may put words around it. */
const REFUSED = /ORCH (E_[A-Z_]+) (.*?)(?: script: [0-9a-f]{40}.*)?$/s
/** Redis answers, but cannot take it now. */
const NOT_NOW = /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|NOREPLICAS|TRYAGAIN|BUSY)\b/
const REFUSES_US = /^(?:NOAUTH|WRONGPASS|NOPERM)\b|The user executing the script can't/
/** What ioredis says of a connection that is not there, and what people are told. */
const NO_CONNECTION: [said: RegExp, told: string][] = [
  [/^Stream isn't writeable/, 'there is no connection now'],
  [/^Command timed out/, 'no answer in time'],
  [/^(?:Command aborted|Socket closed|Reached the max retries)/, 'the connection was lost'],
  [/^All sentinels are unreachable/, 'no Sentinel answers'],
]

/** What ioredis throws, in our words. */
export function storeError(thrown: unknown): OrchError {
  if (thrown instanceof OrchError) return thrown
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  withoutCommand(error)
  const cause = { cause: error }
  const [, code, text] = REFUSED.exec(error.message) ?? []
  if (code && text !== undefined) return new OrchError(code as ErrorCode, text)
  if (/^OOM\b/.test(error.message))
    return new OrchError('E_STORE_DOWN', 'Redis is full: it takes nothing more (maxmemory)', {
      ...cause,
      fix: 'Give Redis more memory (maxmemory), or keep less: journalDays, journalEvents, messageHistory.',
    })
  if (/^MISCONF\b/.test(error.message))
    return new OrchError('E_STORE_DOWN', `Redis cannot write to its disk: ${error.message}`, cause)
  if (NOT_NOW.test(error.message)) return new OrchError('E_STORE_DOWN', `Redis: ${error.message}`, cause)
  if (REFUSES_US.test(error.message))
    return new OrchError('E_STORE_DOWN', `Redis does not let us in: ${error.message}`, {
      ...cause,
      fix: 'Correct user and password of the setting redis; `orch doctor` examines them.',
    })
  // Connections are made again and again until the store is closed: only then are they at their end.
  if (/^Connection is closed/.test(error.message))
    return new OrchError('E_STORE', 'the store is closed', cause)
  const told = NO_CONNECTION.find(([said]) => said.test(error.message))?.[1]
  if (told !== undefined || 'syscall' in error)
    return new OrchError('E_STORE_DOWN', `Redis cannot be reached: ${told ?? error.message}`, cause)
  return new OrchError('E_STORE', `Redis: ${error.message}`, cause)
}

/** It answers and takes what frees memory or needs hardly any: no reason to give it up. */
export const isFull = ({ cause }: OrchError): boolean =>
  cause instanceof Error && /^OOM\b/.test(cause.message)

/** ioredis hangs the whole command on its errors: scripts, what agents write, and the password of AUTH. No log may have that. */
function withoutCommand(error: Error & { command?: unknown; previousErrors?: unknown }): void {
  delete error.command
  delete error.previousErrors
}
