import { createHash } from 'node:crypto'

/**
 * The name of a repository below the state directory (worktrees, bare repository): readable, safe as a file name, and
 * another one for each path. `realPath` must be the real path of the repository's work tree or bare git directory.
 */
export function repositoryId(realPath: string): string {
  return slugWithHash(realPath.split('/').at(-1) ?? '', realPath)
}

/** `slug-0123456789ab`: what a person can read of `words`, and 48 bits of hash over `of` that tell it apart. */
export function slugWithHash(words: string, of: string): string {
  const slug = words
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 24)
  const hash = createHash('sha256').update(of).digest('hex').slice(0, 12)
  return slug ? `${slug}-${hash}` : `x-${hash}`
}
