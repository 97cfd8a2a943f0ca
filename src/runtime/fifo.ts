import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'

/** How long an agent may leave a full pipe unread, in ms. */
const PATIENCE_MS = 60_000

/**
 * Writes all bytes to a FIFO without ever blocking a thread. Up to 4,096 bytes arrive in one piece whoever else writes.
 * @throws OrchError E_CANNOT_HEAR when nobody holds it open, E_TIMEOUT when the reader does not read.
 */
export async function writeFifo(file: string, bytes: Uint8Array, clock: Clock): Promise<void> {
  const handle = await openFifo(file)
  try {
    await writeAll(handle, bytes, clock)
  } finally {
    await handle.close()
  }
}

async function openFifo(file: string): Promise<FileHandle> {
  try {
    return await open(file, constants.O_WRONLY | constants.O_NONBLOCK)
  } catch (error) {
    throw cannotHear(error, ['ENOENT', 'ENXIO', 'ENOTDIR'])
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, clock: Clock): Promise<void> {
  let written = 0
  let progressAt = clock.now()
  while (written < bytes.length) {
    const count = await writeSome(handle, bytes.subarray(written))
    written += count
    if (count > 0) progressAt = clock.now()
    else if (clock.now() - progressAt > PATIENCE_MS)
      throw new OrchError('E_TIMEOUT', 'the agent does not read what it is sent')
    else await clock.sleep(20)
  }
}

async function writeSome(handle: FileHandle, bytes: Uint8Array): Promise<number> {
  try {
    return (await handle.write(bytes)).bytesWritten
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0
    throw cannotHear(error, ['EPIPE'])
  }
}

function cannotHear(error: unknown, codes: string[]): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (!codes.includes(code ?? '')) return error
  return new OrchError('E_CANNOT_HEAR', 'the agent is not listening', { cause: error })
}
