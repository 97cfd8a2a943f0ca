import type { Command } from 'commander'
import { OrchError } from '../errors.ts'

/** What arguments and options of several commands have in common. */

/** Adds examples to the help of a command. */
export function examples(command: Command, lines: string[]): Command {
  return command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`)
}

/** A reader of whole numbers for an option or argument. @throws OrchError E_USAGE */
export function whole(name: string, { min = Number.MIN_SAFE_INTEGER } = {}): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(number) && number >= min) return number
    const least = min > Number.MIN_SAFE_INTEGER ? ` of at least ${min}` : ''
    throw new OrchError('E_USAGE', `${name} needs a whole number${least}, not ${JSON.stringify(text)}`)
  }
}

/** A reader of numbers above zero. @throws OrchError E_USAGE */
export function positive(name: string): (text: string) => number {
  return (text) => {
    const number = Number(text)
    if (text.trim() !== '' && Number.isFinite(number) && number > 0) return number
    throw new OrchError('E_USAGE', `${name} needs a number above 0, not ${JSON.stringify(text)}`)
  }
}
