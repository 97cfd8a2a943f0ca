import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OrchError } from '../errors.ts'
import { type Git, gitError } from '../git.ts'

/**
 * Commits as bytes: a git bundle behind a line of JSON that tells what it builds on. A bundle is made and read in the
 * repository itself by plumbing that runs nothing of its configuration; whatever refs a bundle holds, one of ours is taken.
 */
export interface Packed {
  /** Commits that must be there first. */
  known: string[]
  bundle: Buffer
}

/** No protocol but files; nothing is fetched on demand; a program that the configuration names for alternates is none. */
const ALONE = { GIT_ALLOW_PROTOCOL: 'file', GIT_NO_LAZY_FETCH: '1' }
const SHIELD = ['-c', 'core.alternateRefsCommand=true']
const TEN_MINUTES = 600_000

/** Keeps a commit that was brought here until a branch does. */
export const carriedRef = (commit: string): string => `refs/orch/carried/${commit}`

export const isCommitId = (text: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)

/** @param git in the repository */
export async function hasCommit(git: Git, commit: string): Promise<boolean> {
  const args = ['cat-file', '-e', `${commit}^{commit}`]
  return isCommitId(commit) && (await git.try(args, { env: ALONE })).code === 0
}

/**
 * Packs a commit and its history without what `known` commits hold; undefined when they hold all of it.
 * @param git in a repository that has the commit; of `known` it may lack some
 * @throws OrchError E_TOO_LARGE (more than `most` bytes), E_GIT, E_DISK_FULL
 */
export async function pack(
  git: Git,
  scratch: string,
  order: { commit: string; known: readonly string[]; most: number },
): Promise<Packed | undefined> {
  const { commit, most } = order
  const known: string[] = []
  for (const one of new Set(order.known)) if (await hasCommit(git, one)) known.push(one)
  if (known.length === 0) await checkSize(git, most)
  return await inScratch(scratch, async (file) => {
    const ref = `refs/orch/packed/${commit}`
    await git(['update-ref', ref, commit])
    try {
      const args = ['bundle', 'create', '--quiet', file, ref, ...known.map((it) => `^${it}`)]
      const made = await git.try([...SHIELD, ...args], { env: ALONE, timeoutMs: TEN_MINUTES })
      if (/empty bundle/.test(made.stderr)) return undefined
      if (made.code !== 0) throw gitError(git.dir, args, made)
      const { size } = await stat(file)
      if (size > most) throw tooLarge(git, size, most)
      return { known, bundle: await readFile(file) }
    } finally {
      await git.try(['update-ref', '-d', ref, commit])
    }
  })
}

/** A repository many times too large is not packed in vain. */
async function checkSize(git: Git, most: number): Promise<void> {
  const text = await git(['count-objects', '-v'])
  const kilobytes = Number(/^size-pack: (\d+)$/m.exec(text)?.[1] ?? 0)
  if (kilobytes * 1_024 > most * 10) throw tooLarge(git, kilobytes * 1_024, most)
}

const megabytes = (bytes: number) => `${Math.max(1, Math.round(bytes / 1e6))} MB`
const tooLarge = (git: Git, size: number, most: number) =>
  new OrchError(
    'E_TOO_LARGE',
    `${git.dir}: ${megabytes(size)} of commits; ${megabytes(most)} go through the store`,
  )

/**
 * Takes the commit out of the bytes and keeps it by `carriedRef`.
 * @throws OrchError E_GIT when they are damaged, hold another commit, or build on what is not here
 */
export async function unpack(git: Git, scratch: string, commit: string, { bundle }: Packed): Promise<void> {
  await inScratch(scratch, async (file) => {
    await writeFile(file, bundle, { mode: 0o600 })
    const kept = carriedRef(commit)
    const how = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules']
    const args = ['fetch', ...how, '--no-auto-maintenance', file, `+refs/orch/packed/${commit}:${kept}`]
    const taken = await git.try([...SHIELD, ...args], { env: ALONE, timeoutMs: TEN_MINUTES })
    if (taken.code !== 0) throw gitError(git.dir, args, taken)
    if ((await git.try(['rev-parse', '--verify', '--quiet', kept])).stdout.trim() === commit) return
    await git.try(['update-ref', '-d', kept])
    throw new OrchError('E_GIT', `what came as ${commit} is another commit`)
  })
}

export const toBytes = ({ known, bundle }: Packed): Buffer =>
  Buffer.concat([Buffer.from(`${JSON.stringify({ known })}\n`), bundle])

/** Undefined when they are none of ours. */
export function fromBytes(bytes: Buffer): Packed | undefined {
  const end = bytes.indexOf(10)
  try {
    const { known } = JSON.parse(bytes.subarray(0, end).toString('utf8')) as { known: unknown }
    if (!Array.isArray(known) || !known.every((it) => typeof it === 'string' && isCommitId(it)))
      return undefined
    return { known, bundle: bytes.subarray(end + 1) }
  } catch {
    return undefined
  }
}

async function inScratch<T>(scratch: string, work: (file: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(scratch, '.bundle-'))
  try {
    return await work(join(directory, 'commits.bundle'))
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
