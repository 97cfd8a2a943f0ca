import { pino } from 'pino'

/** The central log: one JSON object a line. Fields must be free of secrets; the journal tells the story of tasks. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void
  info(message: string, fields?: Record<string, unknown>): void
  warn(message: string, fields?: Record<string, unknown>): void
  error(message: string, fields?: Record<string, unknown>): void
}

const SECRETS = ['token', 'env', 'authorization', '*.token', '*.env', '*.authorization']

/** Appends to `file` (created 0600). Errors given as the field `error` keep their stack. */
export function createLog(file: string, level = 'info'): Log {
  const logger = pino(
    { level, base: null, redact: SECRETS, errorKey: 'error', timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: file, append: true, mkdir: true, mode: 0o600, sync: true }),
  )
  const at =
    (method: 'debug' | 'info' | 'warn' | 'error') => (message: string, fields?: Record<string, unknown>) =>
      logger[method](fields ?? {}, message)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
