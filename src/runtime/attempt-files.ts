import { chmod, mkdir, open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { toOrchError } from '../errors.ts'
import type { LaunchSpec } from './runtime.ts'
import { specScript } from './spec.ts'
import { readShim } from './status.ts'
import { ifThere, writeWhole } from './whole-file.ts'

/** Reading and writing the plain files of an attempt directory. */

/** Beside this file in src/ and in dist/ alike. */
const SHIM = new URL('./shim.sh', import.meta.url)

/** Puts the shim into the root, so that the runtimes can name everything by safe relative names. */
export async function installShim(root: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  const target = join(root, 'shim.sh')
  const shim = await readFile(SHIM)
  if (!(await ifThere(readFile(target)))?.equals(shim)) await writeWhole(target, shim)
}

/** Writes what the shim needs, `spec.sh` last: once it is there, everything is. */
export async function writeLaunch(directory: string, spec: LaunchSpec): Promise<void> {
  const script = specScript(spec)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await chmod(directory, 0o700)
  if (await readShim(directory)) return
  await writeWhole(join(directory, 'prompt.md'), spec.prompt)
  if (spec.firstInput !== undefined) await writeWhole(join(directory, 'first'), spec.firstInput)
  await writeFile(join(directory, 'log'), '', { mode: 0o600, flag: 'a' })
  await writeWhole(join(directory, 'spec.sh'), script)
}

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
