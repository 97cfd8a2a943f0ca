import { open, stat } from 'node:fs/promises'
import { stripVTControlCharacters } from 'node:util'
import { toOrchError } from '../errors.ts'
import { ifThere } from './whole-file.ts'

/** Reading and writing parts of the files of an attempt directory. */

/** At most `maxBytes` from `from` on; empty when there is no such file. */
export async function readPart(file: string, from: number, maxBytes: number): Promise<Buffer> {
  const handle = await ifThere(open(file))
  if (!handle) return Buffer.alloc(0)
  try {
    const size = Math.max(0, (await handle.stat()).size - from)
    const buffer = Buffer.allocUnsafe(Math.min(maxBytes, size))
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, from)
    return buffer.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** Cuts the file to `at` bytes and appends. A file shorter than that (the machine fell over) is only appended to. */
export async function appendAt(file: string, at: number, text: string): Promise<number> {
  const handle = await open(file, 'a', 0o600).catch((error) => Promise.reject(toOrchError(error)))
  try {
    if ((await handle.stat()).size > at) await handle.truncate(at)
    await handle.appendFile(text)
    return (await handle.stat()).size
  } catch (error) {
    throw toOrchError(error)
  } finally {
    await handle.close()
  }
}

/** The last bytes of a file as text for people: no escape codes, no control characters but newline and tab. */
export async function readTail(file: string, maxBytes: number): Promise<string> {
  const size = (await ifThere(stat(file)))?.size ?? 0
  const bytes = await readPart(file, Math.max(0, size - maxBytes), maxBytes)
  return stripVTControlCharacters(bytes.toString('utf8')).replaceAll(/[^\P{Cc}\n\t]/gu, '')
}
