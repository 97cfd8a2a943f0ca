import { createHash } from 'node:crypto'

/** 24 hexadecimal characters of a SHA-256 over this as JSON: the same whenever it is about the same. */
export const fingerprint = (...about: readonly unknown[]): string =>
  createHash('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 24)

/** The id of a message that is the same whenever the same is to be said: said twice, it is one message. */
export function derivedId(...about: readonly unknown[]): string {
  return `m-${fingerprint(...about)}`
}

/** What an answer to this request is called, whoever gives it: the first one is the answer. */
export const answerIdOf = (request: string): string => derivedId('answer', request)
