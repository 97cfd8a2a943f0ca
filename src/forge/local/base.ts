import { OrchError } from '../../errors.ts'
import type { Git } from '../../git.ts'
import type { Log } from '../../log.ts'
import type { BareRepository } from '../bare.ts'
import { type Landing, land } from './land.ts'

export interface BaseOptions {
  git: Git
  log: Log
}

export const headRef = (branch: string) => `refs/heads/${branch}`

/**
 * Keeps the forge's base branch and the person's in step, and gives the commit that both stand for. To be called alone
 * (`bare.alone`).
 *
 * The person's branch leads: what was there once and is gone again (a reset, an amended commit) stays gone. Only merges
 * that never reached it (its work tree was dirty) belong to the forge alone: they are brought in now if that works, and
 * are the base of new work in any case. Commits on a branch that was open to pushes until now are no merges: an agent
 * may have pushed them.
 * @throws OrchError E_NO_BASE, E_NO_COMMIT; E_CONFLICT when the person's branch went on without such a merge
 */
export async function followBase(
  options: BaseOptions,
  bare: BareRepository,
  branch: string,
): Promise<string> {
  const seen = await bare.seen(branch)
  const person = await bare.fetch(branch)
  if (!person) throw await noBase(options, bare, branch)
  const ours = await bare.commit(headRef(branch))
  if (ours === person) return person
  if (ours && (await isProtected(bare, branch)) && !(await delivered(bare, ours, seen))) {
    if (!(await bare.isAncestor(ours, person))) return bringIn(options, bare, branch, ours)
  }
  await bare.move(headRef(branch), person, ours)
  await protect(bare, branch, person)
  return person
}

/** True when the person's branch has held all that the forge's has. */
async function delivered(bare: BareRepository, ours: string, seen: string | undefined): Promise<boolean> {
  return seen !== undefined && bare.isAncestor(ours, seen)
}

async function bringIn(
  { git, log }: BaseOptions,
  bare: BareRepository,
  branch: string,
  ours: string,
): Promise<string> {
  const landing = await land(git, bare, branch)
  if (landing.diverged) throw diverged(bare, branch, ours, landing)
  if (!landing.updated) log.warn(landing.message, { repo: bare.source, branch })
  return ours
}

function diverged(bare: BareRepository, branch: string, ours: string, { message }: Landing): OrchError {
  const fix = `In ${bare.source}: git switch ${branch}, git merge ${ours}; then try again.`
  return new OrchError('E_CONFLICT', message, { fix, details: { branch, forge: ours } })
}

async function noBase({ git }: BaseOptions, bare: BareRepository, branch: string): Promise<OrchError> {
  const anything = await git.in(bare.source)(['for-each-ref', '--count=1'])
  if (!anything) return new OrchError('E_NO_COMMIT', `${bare.source} has no commit yet`)
  const ours = await bare.commit(headRef(branch))
  const fix = ours && `In ${bare.source}: git fetch '${bare.path}' '${branch}:${branch}' brings it back.`
  const message = `there is no branch ${branch} in ${bare.source}`
  return new OrchError('E_NO_BASE', message, fix ? { fix } : {})
}

/**
 * Closes a base branch to pushes: git refuses them for a hidden ref, without any hook. Hidden also means that a pushing
 * git does not hear which commit is here and would send the whole history, so `refs/tips` tells it. What an agent may
 * write there means nothing.
 */
async function protect(bare: BareRepository, branch: string, tip: string): Promise<void> {
  if (!(await isProtected(bare, branch)))
    await bare.git(['config', '--add', 'receive.hideRefs', headRef(branch)])
  await bare.git(['update-ref', `refs/tips/${branch}`, tip])
}

async function isProtected(bare: BareRepository, branch: string): Promise<boolean> {
  const hidden = await bare.git.try(['config', '--get-all', 'receive.hideRefs'])
  return hidden.stdout.split('\n').includes(headRef(branch))
}
