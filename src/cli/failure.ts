import { OrchError } from '../errors.ts'
import { plainText } from '../text.ts'
import { errorDocument } from './document.ts'

/** Errors as people and programs read them, on standard error. */

export function describeError(error: OrchError, { json }: { json: boolean }): string {
  if (json) return errorDocument(error.toBody())
  const { code, message, fix } = error
  return `error: ${plainText(message)}\ncode: ${code}\nwhat to do: ${plainText(fix)}\n`
}

/** What commander says of a wrong command line, suggestion included. */
export function usageError(message: string, command: string): OrchError {
  const said = message
    .replace(/^error: /, '')
    .trim()
    .replace(/\n\(Did you mean (.*)\?\)$/s, '; did you mean $1?')
  return new OrchError('E_USAGE', said, { fix: `See \`${command} --help\`.` })
}
