import { readdir, readFile, rename, rm, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OrchError, toOrchError } from '../errors.ts'
import { ifThere, writeWhole } from './whole-file.ts'

/**
 * Words for an agent whose program has a hook for the end of its turn: the daemon puts each into a file `offer.NUMBER.ID`, the
 * hook (src/agent/hooks/hook.sh) moves all of them into a directory `taken.…` of its own and hands them over. Each file is
 * moved or removed in one step, so that it is either taken or taken back, whoever of the two is killed when.
 */
export interface Offer {
  /** The session of the program that is to take them: it may have started others of its kind, with the same hooks. */
  session: string
  words: readonly OfferedWord[]
}

export interface OfferedWord {
  /** Letters, digits, `-` and `_`. */
  id: string
  text: string
}

interface Entry {
  id: string
  number: number
  file: string
}

/**
 * From now on these words are on offer, but for those that a hook has taken, and no others. Gives what hooks have taken from
 * the newest process of the attempt: ids, and when (ms since the epoch). @throws OrchError E_INVALID, E_DISK_FULL
 */
export async function offer(directory: string, { session, words }: Offer): Promise<Map<string, number>> {
  for (const { id } of words)
    if (!/^[\w-]{1,64}$/.test(id))
      throw new OrchError('E_INVALID', `${JSON.stringify(id)} cannot name a word`)
  const there = await offersIn(directory)
  const wanted = new Set(words.map(({ id }) => id))
  for (const { id, file } of there) if (!wanted.has(id)) await ifThere(unlink(join(directory, file)))
  const taken = await takenIn(directory) // last: what was moved meanwhile is in it
  const known = new Set([...taken, ...there].map(({ id }) => id))
  const missing = words.filter(({ id }) => !known.has(id))
  if (words.length > 0) await address(directory, session)
  let last = Math.max(0, ...[...there, ...taken].map(({ number }) => number))
  for (const word of missing) await put(directory, ++last, word)
  return new Map(taken.map(({ id, at }) => [id, at]))
}

async function address(directory: string, session: string): Promise<void> {
  const file = join(directory, 'session')
  if ((await ifThere(readFile(file, 'utf8'))) !== `${session}\n`) await writeWhole(file, `${session}\n`)
}

/** What the process before was offered: the next one begins without. */
export async function clearOffers(directory: string): Promise<void> {
  for (const name of (await ifThere(readdir(directory))) ?? [])
    if (/^(offer|taken)\./.test(name) || name === 'session' || name === 'chain')
      await rm(join(directory, name), { recursive: true, force: true })
}

const OFFER = /^offer\.(\d+)\.([\w-]+)$/

async function offersIn(directory: string): Promise<Entry[]> {
  const names = (await ifThere(readdir(directory))) ?? []
  return names.flatMap((file) => {
    const [, number, id] = OFFER.exec(file) ?? []
    return id ? [{ id, number: Number(number), file }] : []
  })
}

async function takenIn(directory: string): Promise<(Entry & { at: number })[]> {
  const names = ((await ifThere(readdir(directory))) ?? []).filter((name) => name.startsWith('taken.'))
  const lists = names.map(async (name) => {
    const at = Number(name.split('.')[1])
    return (await offersIn(join(directory, name))).map((entry) => ({ ...entry, at }))
  })
  return (await Promise.all(lists)).flat()
}

/** As a piece of a JSON string, so that the hook has only to put the pieces together. */
async function put(directory: string, number: number, { id, text }: OfferedWord): Promise<void> {
  const fresh = join(directory, `offering.${id}.new`) // a name that no hook takes
  try {
    await writeFile(fresh, JSON.stringify(`${text}\n\n`).slice(1, -1), { mode: 0o600 })
    await rename(fresh, join(directory, `offer.${String(number).padStart(6, '0')}.${id}`))
  } catch (error) {
    await rm(fresh, { force: true }).catch(() => {})
    throw toOrchError(error)
  }
}
