import { appendFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OrchError, toOrchError } from '../errors.ts'
import { ifThere, writeWhole } from './whole-file.ts'

/** A reply of Orch to something that the agent's program said. */
export interface SentReply {
  id: string
  text: string
  once?: boolean
}

/**
 * Sends a reply that was not sent yet, by the file `sent`. A crash between noting and sending: one with `once` is lost,
 * because the program must not get it twice, any other is sent again. @throws OrchError E_INVALID, and what `send` throws
 */
export async function sendReply(
  directory: string,
  { id, text, once }: SentReply,
  send: (text: string) => Promise<void>,
): Promise<void> {
  if (!id || /[\r\n]/.test(id)) throw new OrchError('E_INVALID', `${JSON.stringify(id)} cannot name a reply`)
  const file = join(directory, 'sent')
  const sent = (await ifThere(readFile(file, 'utf8'))) ?? ''
  if (sent.split('\n').includes(id)) return
  // The line before may have been cut when the machine fell over.
  const line = `${sent === '' || sent.endsWith('\n') ? '' : '\n'}${id}\n`
  const note = () =>
    appendFile(file, line, { mode: 0o600 }).catch((error) => Promise.reject(toOrchError(error)))
  if (once) await note()
  try {
    await send(text)
  } catch (error) {
    if (once && toOrchError(error).code === 'E_CANNOT_HEAR') await writeWhole(file, sent) // nobody has it
    throw error
  }
  if (!once) await note()
}
