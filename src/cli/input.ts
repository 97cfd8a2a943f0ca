import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { OrchError } from '../errors.ts'

/** Text that comes from a file or standard input: UTF-8, and not more than the API takes. */

/** Bytes: a file that is larger would not fit into a request either. */
export const LARGEST_INPUT = 4 * 1024 * 1024

export interface Input {
  /** How the source is called in messages: a path, or `standard input`. */
  name: string
  text: string
}

export interface InputOptions {
  stdin: AsyncIterable<Uint8Array>
  largest?: number
}

/** Reads a file, or standard input for `-`. @throws OrchError E_NOT_FOUND, E_INVALID with file and line */
export async function readInput(path: string, options: InputOptions): Promise<Input> {
  if (path === '-')
    return { name: 'standard input', text: await readAll('standard input', options.stdin, options) }
  try {
    return { name: path, text: await readAll(path, createReadStream(path), options) }
  } catch (error) {
    if (error instanceof OrchError) throw error
    const { code, message } = error as NodeJS.ErrnoException
    throw new OrchError(code === 'ENOENT' ? 'E_NOT_FOUND' : 'E_INVALID', `cannot read ${path}: ${message}`, {
      fix: 'Give the path of a file that you can read, or - for standard input.',
      cause: error,
    })
  }
}

async function readAll(
  name: string,
  source: AsyncIterable<Uint8Array>,
  { largest = LARGEST_INPUT }: InputOptions,
): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of source) {
    chunks.push(chunk)
    size += chunk.length
    if (size > largest) throw new OrchError('E_INVALID', `${name}: more than ${largest} bytes`)
  }
  const bytes = Buffer.concat(chunks)
  if (!isUtf8(bytes)) throw new OrchError('E_INVALID', `${name}:${lineOfFault(bytes)}: not UTF-8`)
  return bytes.toString('utf8').replace(/^\ufeff/, '')
}

/** Number of the first line that is not UTF-8. A line end is never part of a longer character. */
function lineOfFault(bytes: Buffer): number {
  let line = 1
  for (let from = 0; from < bytes.length; line++) {
    const end = bytes.indexOf(10, from)
    const to = end < 0 ? bytes.length : end + 1
    if (!isUtf8(bytes.subarray(from, to))) return line
    from = to
  }
  return line
}
