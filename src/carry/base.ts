import { z } from 'zod'
import type { Git } from '../git.ts'
import { slugWithHash } from '../git-repository-id.ts'
import type { Exchange } from '../store/store.ts'
import { isCommitId } from './bundle.ts'
import { type Commits, KEEP_MS } from './commits.ts'
import type { RepositoryNames } from './names.ts'

/**
 * The base branch of a repository in the store, so that another host can begin when the home host is gone: its whole history
 * once, and from then on what is new beside it.
 */
export interface Bases {
  /** To be called at home. @throws OrchError E_TOO_LARGE, E_STORE_DOWN, E_GIT, E_DISK_FULL */
  publish(repo: string, branch: string, commit: string): Promise<void>
  /** The commit of the branch that was published last; undefined when none is known (any more). */
  published(repo: string, branch: string): Promise<string | undefined>
}

const commitId = z.string().refine(isCommitId)
const tipSchema = z.object({
  commit: commitId,
  /** Commit whose bundle has the whole history, its size in bytes, and until when it is there (ms since the epoch). */
  full: commitId,
  bytes: z.number(),
  until: z.number(),
})
type Tip = z.infer<typeof tipSchema>

/** What is new may be so much before the whole history is put again. */
const SMALL = 1_000_000

export function createBases(options: {
  exchange: Pick<Exchange, 'put' | 'get'>
  names: RepositoryNames
  commits: Commits
  git: Git
  now: () => number
}): Bases {
  const { exchange, names, commits, git, now } = options
  const keyOf = (repo: string, branch: string) => `tip/${names.idOf(repo)}/${slugWithHash(branch, branch)}`
  const read = async (repo: string, branch: string): Promise<Tip | undefined> => {
    const bytes = await exchange.get(keyOf(repo, branch))
    return bytes && parse(bytes)
  }
  /** Beside the whole history that is there; undefined when it has to be put again. */
  const beside = async (repo: string, commit: string, tip: Tip | undefined): Promise<Tip | undefined> => {
    if (!tip || tip.until - now() < KEEP_MS / 2) return undefined
    const holds = await git.in(repo).try(['merge-base', '--is-ancestor', tip.full, commit])
    if (holds.code !== 0) return undefined
    const { bytes } = await commits.give(repo, commit, [tip.full])
    return bytes > Math.max(SMALL, tip.bytes / 2) ? undefined : { ...tip, commit }
  }
  const whole = async (repo: string, commit: string): Promise<Tip> => {
    const { bytes } = await commits.give(repo, commit, [])
    return { commit, full: commit, bytes, until: now() + KEEP_MS }
  }
  return {
    async publish(repo, branch, commit) {
      const before = await read(repo, branch)
      if (before?.commit === commit && before.until - now() >= KEEP_MS / 2) return
      const tip = (await beside(repo, commit, before)) ?? (await whole(repo, commit))
      await exchange.put(keyOf(repo, branch), Buffer.from(JSON.stringify(tip)), tip.until)
    },
    published: async (repo, branch) => (await read(repo, branch))?.commit,
  }
}

function parse(bytes: Buffer): Tip | undefined {
  try {
    return tipSchema.parse(JSON.parse(bytes.toString('utf8')))
  } catch {
    return undefined
  }
}
