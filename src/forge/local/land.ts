import { pathToFileURL } from 'node:url'
import type { Git } from '../../git.ts'
import { gitError } from '../../git.ts'
import type { BareRepository } from '../bare.ts'
import { FETCH, FILE_ONLY, steadily } from '../bare-git.ts'
import { checkouts } from './checkout.ts'
import { updateTree } from './update-tree.ts'

/** What became of the base branch in the person's repository. */
export interface Landing {
  updated: boolean
  /** Says what happened, or what is in the way and what to do. */
  message: string
  /** The person's branch has commits that the forge's has not: only a person can bring the two together. */
  diverged?: boolean
}

/**
 * Brings the forge's branch into the person's repository: its objects, then the branch, by compare-and-swap and forward
 * only, together with the work tree that has it checked out if that is clean. Nothing else there is touched.
 * Calling it again goes on where an earlier call stopped.
 */
export async function land(git: Git, bare: BareRepository, branch: string): Promise<Landing> {
  const target = await bare.commit(`refs/heads/${branch}`)
  if (!target) return left(`${branch} is not on the forge`)
  await giveObjects(git, bare, branch)
  const person = await bare.fetch(branch)
  const landing = await advance(git, bare, branch, person, target)
  if (landing.updated) await bare.fetch(branch) // from here on the person has had it: see followBase
  return landing
}

async function advance(
  git: Git,
  bare: BareRepository,
  branch: string,
  person: string | undefined,
  target: string,
): Promise<Landing> {
  const short = target.slice(0, 12)
  if (!person)
    return left(
      `there is no branch ${branch} in ${bare.source}; git branch ${branch} ${short} makes it again`,
    )
  if (await bare.isAncestor(target, person)) return { updated: true, message: `${branch} holds ${short}` }
  if (!(await bare.isAncestor(person, target))) {
    const message = `${branch} in ${bare.source} has commits of its own beside ${short} of the forge; git merge ${short} (on ${branch}) brings them together`
    return { ...left(message), diverged: true }
  }
  const holders = await checkouts(git.in(bare.source), branch)
  const move = () => moveBranch(git.in(bare.source), branch, person, target)
  const [holder, ...others] = holders
  if (!holder)
    return (await move()) ? { updated: true, message: `${branch} is at ${short} now` } : moved(branch)
  if (others.length > 0) return left(`${branch} is checked out more than once; ${mend(holder.path, short)}`)
  const obstacle = await updateTree(git.in(holder.path), holder, person, target, move)
  if (obstacle) return left(`${branch} stays where it is: ${obstacle}; then ${mend(holder.path, short)}`)
  return { updated: true, message: `${branch} is at ${short} now, and so is the work tree ${holder.path}` }
}

const left = (message: string): Landing => ({ updated: false, message })
const mend = (path: string, commit: string) => `git merge --ff-only ${commit} in ${path} brings it in`
const moved = (branch: string) =>
  left(`${branch} moved at the same moment; the next run or merge brings it in`)

/** Fetches into the person's repository without naming a remote, so that no ref and no FETCH_HEAD changes there. */
async function giveObjects(git: Git, bare: BareRepository, branch: string): Promise<void> {
  const url = pathToFileURL(bare.path).href
  // against what may be planted there: a program to run, another address for this one
  const shield = ['-c', 'core.alternateRefsCommand=true', '-c', `url.${url}.insteadOf=${url}`]
  const args = [...FETCH, url, `refs/heads/${branch}`]
  const options = { env: FILE_ONLY, timeoutMs: 600_000 }
  const result = await steadily(() => git.in(bare.source).try([...shield, ...args], options))
  if (result.code !== 0) throw gitError(bare.source, args, result)
}

async function moveBranch(git: Git, branch: string, from: string, to: string): Promise<boolean> {
  const args = ['update-ref', '-m', 'orch: merged', `refs/heads/${branch}`, to, from]
  const result = await git.try(args)
  if (result.code === 0) return true
  if (/cannot lock ref .*but expected/.test(result.stderr)) return false
  throw gitError(git.dir, args, result)
}
