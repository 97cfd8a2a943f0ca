import { mkdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename, join } from 'node:path'
import { slugWithHash } from '../git-repository-id.ts'

/**
 * A repository in a store that several hosts share is called `HOST:/path`: where a person has it. Only this host has it
 * there; what other hosts have is a clone below the state directory.
 */
export interface RepositoryNames {
  /** The name of a repository by its real path here; a name stays as it is. */
  nameOf(path: string): string
  /** Where a repository is on this host, whether it is there yet or not. What is no name is a path of this host. */
  pathOf(name: string): string
  /** Safe as a part of a file's or key's name, and the same on each host. */
  idOf(path: string): string
}

/** Written into a clone when it is made, so that a later daemon knows whose it is. */
export const SOURCE_FILE = 'orch-repository.json'

const NAME = /^([a-z0-9][a-z0-9.-]{0,62}):(\/[^\0]*)$/s

/** Host and path of a name; undefined for anything else. */
export function readName(name: string): { host: string; path: string } | undefined {
  const [, host, path] = NAME.exec(name) ?? []
  return host && path ? { host, path } : undefined
}

export const makeName = (host: string, path: string): string => `${host}:${path}`

/** @param clones `paths.clones`; made if it is not there, because only what is there has a real path */
export function createNames({ host, clones }: { host: string; clones: string }): RepositoryNames {
  mkdirSync(clones, { recursive: true, mode: 0o700 })
  const root = realpathSync(clones)
  const paths = new Map<string, string>()
  const names = new Map<string, string>()
  const nameOf = (path: string): string => {
    const known = names.get(path)
    if (known) return known
    if (readName(path)) return path
    const own = path.startsWith(`${root}/`) ? readSource(path) : undefined
    return own ?? makeName(host, path)
  }
  return {
    nameOf,
    pathOf(name) {
      const known = paths.get(name)
      if (known) return known
      const place = readName(name)
      if (!place) return name
      const clone = join(root, slugWithHash(basename(place.path), name))
      const path = place.host === host ? place.path : clone
      paths.set(name, path)
      if (path === clone) names.set(path, name)
      return path
    },
    idOf(path) {
      const name = nameOf(path)
      return slugWithHash(basename(name), name)
    },
  }
}

function readSource(clone: string): string | undefined {
  try {
    const { host, path } = JSON.parse(readFileSync(join(clone, '.git', SOURCE_FILE), 'utf8'))
    return makeName(String(host), String(path))
  } catch {
    return undefined
  }
}
