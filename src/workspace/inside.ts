import { readlink, realpath } from 'node:fs/promises'
import { dirname, join, resolve, sep } from 'node:path'

/**
 * A path below `root`, none of whose directories is a link that leads out of it. What is at the path itself is not
 * looked at. @param path relative
 * @throws Error that says why not
 */
export async function pathInside(root: string, path: string): Promise<string> {
  const parts = path.split('/')
  if (path.startsWith('/') || parts.includes('..')) throw new Error(`${path} leads out of the repository`)
  if (parts.some((part) => part.toLowerCase() === '.git'))
    throw new Error(`${path} is part of git's own files`)
  const full = join(root, path)
  for (let parent = dirname(full); parent.length > root.length; parent = dirname(parent))
    await checkInside(root, parent)
  return full
}

/** @throws Error when `path` is a link that leads out of `root`, also when nothing is there. */
export async function checkInside(root: string, path: string): Promise<void> {
  const real = await target(path)
  const top = await realpath(root)
  if (real !== undefined && real !== top && !real.startsWith(`${top}${sep}`))
    throw new Error(`${path} leads out of the repository, to ${real}`)
}

async function target(path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(() => undefined)
  if (real) return real
  const text = await readlink(path).catch(() => undefined)
  return text === undefined ? undefined : resolve(await realpath(dirname(path)), text)
}
