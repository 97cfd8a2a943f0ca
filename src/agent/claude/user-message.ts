/** What Claude Code reads on its standard input as the words of its user. */

/** @param uuid names it: the program tells what became of it. */
export function userMessage(text: string, uuid: string): string {
  const message = { type: 'user', uuid, message: { role: 'user', content: [{ type: 'text', text }] } }
  return `${JSON.stringify(message)}\n`
}

/** A task is text also where it begins like a command of the program (`/init`): a space before it sees to that. */
export const asText = (prompt: string): string => (prompt.startsWith('/') ? ` ${prompt}` : prompt)

/** Marks the prompt of a process, which is no word of a person. It stays a UUID, as the program demands. */
const PROMPT = '00000000-'

export const promptId = (uuid: string): string => PROMPT + uuid.slice(PROMPT.length)
export const isPrompt = (uuid: string): boolean => uuid.startsWith(PROMPT)
