import { open, readFile, rename, rm } from 'node:fs/promises'
import { z } from 'zod'
import { OrchError, toOrchError } from '../errors.ts'
import type { Fingerprint } from './fingerprint.ts'

/** What each server showed when it was approved. The file is only ever replaced as a whole. */

export interface PinKey {
  /** Root of the repository that declares the server; the user's own file when absent. */
  repo?: string | undefined
  name: string
}

const pinSchema = z.object({
  repo: z.string().optional(),
  name: z.string(),
  /** When it was pinned (ISO 8601). */
  at: z.string(),
  hash: z.string(),
  declaration: z.string(),
  instructions: z.string(),
  tools: z.array(z.tuple([z.string(), z.string()])),
})
const fileSchema = z.object({ version: z.literal(1), pins: z.array(pinSchema) })
export type Pin = z.infer<typeof pinSchema>

export interface Pins {
  /** @throws OrchError E_STORE when the file is damaged: then nothing counts as approved. */
  all(): Promise<Pin[]>
  /** Puts each in the place of the one before. With `first`, one that is there already stays. Gives what holds then. */
  put(entries: [PinKey, Fingerprint][], options?: { first?: boolean }): Promise<Pin[]>
  /** Gives how many there were. */
  remove(keys: PinKey[]): Promise<number>
}

export const isPinOf = ({ repo, name }: PinKey) => {
  return (pin: Pin): boolean => pin.name === name && pin.repo === repo
}

/** Pins in `file`, whose directory is there. Changes wait for each other; only the daemon writes it. */
export function createPins({ file, now }: { file: string; now(): number }): Pins {
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(change: () => Promise<T>): Promise<T> => {
    const turn = last.then(change, change)
    last = turn.catch(() => {})
    return turn
  }
  const pinned = ({ repo, name }: PinKey, it: Fingerprint): Pin => {
    const { hash, declaration, instructions, tools } = it
    const at = new Date(now()).toISOString()
    return { ...(repo !== undefined && { repo }), name, at, hash, declaration, instructions, tools }
  }
  return {
    all: () => readPins(file),
    put: (entries, { first = false } = {}) =>
      inTurn(async () => {
        const before = await readPins(file)
        const fresh = entries
          .filter(([key]) => !first || !before.some(isPinOf(key)))
          .map(([key, it]) => pinned(key, it))
        const kept = before.filter((pin) => !fresh.some(isPinOf(pin)))
        if (fresh.length > 0) await writePins(file, [...kept, ...fresh])
        return [...kept, ...fresh]
      }),
    remove: (keys) =>
      inTurn(async () => {
        const before = await readPins(file)
        const kept = before.filter((pin) => !keys.some((key) => isPinOf(key)(pin)))
        if (kept.length < before.length) await writePins(file, kept)
        return before.length - kept.length
      }),
  }
}

async function readPins(file: string): Promise<Pin[]> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw damaged(file, error)
  })
  if (text === undefined) return []
  try {
    return fileSchema.parse(JSON.parse(text)).pins
  } catch (error) {
    throw damaged(file, error)
  }
}

const damaged = (file: string, cause: unknown) =>
  new OrchError('E_STORE', `cannot read which MCP servers were approved: ${file}`, {
    fix: `Remove ${file} and approve them again: orch mcp approve NAME`,
    cause,
  })

/** Synced before it takes its place: after a crash of the machine it must not be empty, or a server could be trusted anew. */
async function writePins(file: string, pins: Pin[]): Promise<void> {
  const fresh = `${file}.new` // always the same, so that a crash leaves no second one behind
  try {
    const handle = await open(fresh, 'w', 0o600)
    try {
      await handle.writeFile(`${JSON.stringify({ version: 1, pins })}\n`)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => {})
    throw toOrchError(error)
  }
}
