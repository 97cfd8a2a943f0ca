import type { Git } from '../git.ts'

/** A title as the readable part of a branch name: `Fix the Größe!` becomes `fix-the-grosse`. Never empty. */
export function slug(title: string): string {
  const words = title
    .slice(0, 1_000)
    .replaceAll('ß', 'ss')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
  let name = ''
  for (const word of words) {
    if (name !== '' && name.length + word.length >= 40) break
    name = name === '' ? word.slice(0, 40) : `${name}-${word}`
  }
  return name || 'task'
}

/** Names a branch. The end of `id` (of the task) makes it unlike the names that others are being given now. */
export type NameBranch = (prefix: string, title: string, id: string) => string

/**
 * Reads which names are taken, and gives what names branches that neither exist nor stand in the way of one that does
 * (`orch` makes `orch/x` impossible, and the other way round), here and on the remotes.
 */
export async function branchNamer(git: Git, repo: string): Promise<NameBranch> {
  const taken = await takenNames(git.in(repo))
  const free = (name: string) => !taken.some((other) => collide(name.toLowerCase(), other))
  return (prefix, title, id) => {
    const flat = prefix.replace(/\/+/g, '-')
    const ending = id.slice(-6)
    const names = [
      `${prefix}${slug(title)}-${ending}`,
      `${flat}${slug(title)}-${ending}`,
      `${prefix}${id}`,
      `${flat}${id}`,
    ]
    for (let n = 2; ; n++) {
      const name = names.shift() ?? `${flat}${id}-${n}`
      if (free(name)) return name
    }
  }
}

/** Compared in small letters, because some file systems hold branch names so. */
async function takenNames(git: Git): Promise<string[]> {
  const refs = (await git(['for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/remotes'])).split('\n')
  const remotes = (await git(['remote'])).split('\n').filter((name) => name !== '')
  const prefixes = ['refs/heads/', ...remotes.map((remote) => `refs/remotes/${remote}/`)]
  const names = refs.flatMap((ref) =>
    prefixes.filter((start) => ref.startsWith(start)).map((start) => ref.slice(start.length)),
  )
  return names.map((name) => name.toLowerCase())
}

function collide(name: string, other: string): boolean {
  return name === other || name.startsWith(`${other}/`) || other.startsWith(`${name}/`)
}
