import { stripVTControlCharacters } from 'node:util'

/** Text from agents, tasks and forges made safe for terminals, logs and one-line places. */

/** C0 without tab and newline, DEL, C1, zero-width and bidirectional controls. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g

/** Without escape sequences and control characters; tabs and newlines stay. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text).replace(CONTROLS, '')
}

/** On one line of at most `max` characters, the end marked when something was cut. */
export function oneLine(text: string, max: number): string {
  const line = plainText(text.slice(0, max * 8))
    .replace(/\s+/g, ' ')
    .trim()
  const characters = [...line]
  return characters.length > max ? `${characters.slice(0, max - 1).join('')}…` : line
}
