import { createHash } from 'node:crypto'

/** The id of a message that is the same whenever the same is to be said: said twice, it is one message. */
export function derivedId(...about: readonly unknown[]): string {
  return `m-${createHash('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 24)}`
}

/** What an answer to this request is called, whoever gives it: the first one is the answer. */
export const answerIdOf = (request: string): string => derivedId('answer', request)
