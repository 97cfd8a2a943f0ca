import { OrchError } from '../../../errors.ts'
import type { Exchange } from '../../store.ts'
import { storeError } from '../connection/failure.ts'
import type { RedisTools } from '../tools.ts'

export const MOST_BYTES = 256 * 1024 * 1024
/** Long values hold up all others while they are copied. */
const PIECE_BYTES = 1024 * 1024

/** Where the pieces of a name are. */
interface Head {
  id: string
  pieces: number
}

/** Bytes for other hosts: pieces under an id of their own, then the head that tells of them, so that a reader sees whole ones. */
export function createBytes({ redis, prefix }: RedisTools): Pick<Exchange, 'put' | 'get' | 'drop'> {
  const headKey = (name: string) => `${prefix}bytes:${name}`
  const pieceKeys = ({ id, pieces }: Head) =>
    Array.from({ length: pieces }, (_, index) => `${prefix}piece:${id}:${index}`)
  const forget = async (text: string | null) => {
    const keys = text ? pieceKeys(JSON.parse(text) as Head) : []
    if (keys.length > 0) await redis.unlink(...keys)
  }

  const write = async (name: string, bytes: Buffer, untilMs: number) => {
    const head = { id: crypto.randomUUID(), pieces: Math.ceil(bytes.length / PIECE_BYTES) }
    try {
      for (const [index, key] of pieceKeys(head).entries()) {
        const piece = bytes.subarray(index * PIECE_BYTES, (index + 1) * PIECE_BYTES)
        await redis.set(key, piece, 'PXAT', untilMs)
      }
      await forget(await redis.set(headKey(name), JSON.stringify(head), 'PXAT', untilMs, 'GET'))
    } catch (error) {
      await forget(JSON.stringify(head)).catch(() => {}) // they expire by themselves
      throw error
    }
  }

  /** Undefined when the name was replaced meanwhile, too. */
  const read = async (text: string): Promise<Buffer | undefined> => {
    const pieces: Buffer[] = []
    for (const key of pieceKeys(JSON.parse(text) as Head)) {
      const piece = await redis.getBuffer(key)
      if (!piece) return undefined
      pieces.push(piece)
    }
    return Buffer.concat(pieces)
  }

  return {
    async put(name, bytes, untilMs) {
      if (bytes.length > MOST_BYTES)
        throw new OrchError(
          'E_TOO_LARGE',
          `${name}: ${bytes.length} bytes; ${MOST_BYTES} go through the store`,
        )
      await translated(write(name, bytes, Math.ceil(untilMs)))
    },
    async get(name) {
      for (let seen: string | null = null; ; ) {
        const head = await translated(redis.get(headKey(name)))
        if (!head || head === seen) return undefined
        const bytes = await translated(read(head))
        if (bytes) return bytes
        seen = head
      }
    },
    async drop(name) {
      await translated(redis.getdel(headKey(name)).then(forget))
    },
  }
}

async function translated<T>(work: Promise<T>): Promise<T> {
  return await work.catch((error) => {
    throw storeError(error)
  })
}
