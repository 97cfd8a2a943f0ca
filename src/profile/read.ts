import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Remark } from './header.ts'
import { parseProfile } from './parse.ts'
import type { CheckedProfile } from './profile.ts'

/** Files of profiles, each parsed again only when it changed. */

export interface ProfileFile extends CheckedProfile {
  /** Name of the profile, as far as a broken file tells it. */
  name: string
  text: string
}

const MAX_BYTES = 100_000
const MAX_KEPT = 2_000

/** A reader that never rejects: what is wrong with a file is in its `faults`. */
export function createProfileReader(): (file: string) => Promise<ProfileFile> {
  const kept = new Map<string, { stamp: string; found: ProfileFile }>()
  const readKept = async (file: string, handle: FileHandle): Promise<ProfileFile> => {
    const stats = await handle.stat({ bigint: true })
    const stamp = stampOf(stats)
    const known = kept.get(file)
    if (known?.stamp === stamp) return known.found
    const found = await read(file, handle, stats)
    if (kept.size >= MAX_KEPT) kept.clear()
    kept.set(file, { stamp, found })
    return found
  }
  return async (file) => {
    let handle: FileHandle | undefined
    try {
      // Without NONBLOCK a FIFO of this name would keep us waiting.
      handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK)
      return await readKept(file, handle)
    } catch (error) {
      return broken(file, `cannot be read: ${whyNot(error as NodeJS.ErrnoException)}`)
    } finally {
      await handle?.close()
    }
  }
}

const stampOf = ({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats) =>
  [dev, ino, size, mtimeNs, ctimeNs].join(' ')

const REASONS: Record<string, string> = {
  ENOENT: 'there is no such file',
  ELOOP: 'it is a symbolic link that leads to itself',
  EACCES: 'it may not be read',
}
const whyNot = (error: NodeJS.ErrnoException) => REASONS[error.code ?? ''] ?? error.message

async function read(file: string, handle: FileHandle, stats: BigIntStats): Promise<ProfileFile> {
  if (!stats.isFile()) return broken(file, 'is no file')
  if (stats.size > MAX_BYTES) return broken(file, `is larger than ${MAX_BYTES / 1_000} kB`)
  const bytes = await handle.readFile()
  try {
    return parsed(file, new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return broken(file, 'is not UTF-8')
  }
}

const stemOf = (file: string) => basename(file).replace(/\.md$/, '')
const broken = (file: string, what: string): ProfileFile => ({
  file,
  name: stemOf(file),
  text: '',
  faults: [`${file}: ${what}`],
  warnings: [],
})

function parsed(file: string, text: string): ProfileFile {
  const said = ({ line, what }: Remark) => `${file}${line ? `:${line}` : ''}: ${what}`
  const result = parseProfile(text, stemOf(file))
  const warnings = result.warnings.map(said)
  if ('faults' in result) return { file, name: result.name, text, faults: result.faults.map(said), warnings }
  return { file, name: result.profile.name, text, profile: result.profile, faults: [], warnings }
}
