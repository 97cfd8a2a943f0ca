import type { SCHEMA_VERSION } from '../api/contract.ts'
import type { ErrorBody } from '../errors.ts'

/** What `--json` prints (docs/json.md). The version is written out, and checked by its type, so that no schema is loaded. */

export const schemaVersion: typeof SCHEMA_VERSION = 1

/** One document on one line. */
export function documentLine(kind: string, data: object): string {
  return `${JSON.stringify({ schemaVersion, kind, ...data })}\n`
}

export const errorDocument = (error: ErrorBody) => documentLine('error', { error })
