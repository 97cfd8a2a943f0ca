import { toOrchError } from '../errors.ts'
import type { Git } from '../git.ts'
import type { Task } from '../task/task.ts'
import type { Carrying } from './carrying.ts'
import type { CarryNeeds, CarryTools } from './tools.ts'

/** Work that goes on or is done, between hosts. */
export function createResults(
  tools: CarryTools,
  { forges, adopt }: CarryNeeds,
): Pick<Carrying, 'bring' | 'give' | 'take' | 'letGo'> {
  const { commits, host, git, log } = tools
  const take = (task: Task, commit: string) => takeFrom(tools, forges, task, commit)

  /** The agent of an attempt elsewhere may have pushed what nobody has given. Only what is ahead counts. */
  const followRemote = async (task: Task) => {
    const { repo, branch, forge } = task.spec
    if (forge !== 'github') return
    const head = await forges.github.head(repo, branch)
    if (!head || !(await take(task, head))) return
    const inside = git.in(repo)
    if (await isBehind(inside, branch, head)) await adopt(repo, branch, head, { saved: false })
  }

  return {
    take,
    async bring(task, earlier) {
      const { repo, branch } = task.spec
      const missing: string[] = []
      for (const { carried, saved } of earlier) {
        if (!carried) continue
        if (await take(task, carried)) {
          await adopt(repo, branch, carried, { saved: carried === saved })
          break
        }
        missing.push(carried)
      }
      if (earlier[0] && earlier[0].host !== host)
        await followRemote(task).catch((error) => {
          log.warn('what the remote has of a branch could not be looked at', { task: task.id, error })
        })
      return missing
    },
    async give({ task, epoch, start }, commit, known) {
      const { repo, forge } = task.spec
      const { keep } = forges[forge]
      try {
        const name = start ? `${epoch}-${commit.slice(0, 16)}` : `${epoch}`
        if (keep) return await keep(repo, `${task.id}/${name}`, commit)
      } catch (error) {
        log.warn('a commit cannot be kept at the remote; it goes through the store', { task: task.id, error })
      }
      await commits.give(repo, commit, known)
    },
    async letGo(task) {
      const { repo, forge } = task.spec
      await forges[forge].letGo?.(repo, `${task.id}/`)
    },
  }
}

/** From the remote that hosts share, where there is one; else, or when it does not answer, from the store. */
export async function takeFrom(
  { commits, log }: CarryTools,
  forges: CarryNeeds['forges'],
  { id, spec }: Task,
  commit: string,
): Promise<boolean> {
  if (await commits.has(spec.repo, commit)) return true
  try {
    if (await forges[spec.forge].obtain?.(spec.repo, commit)) return true
  } catch (thrown) {
    log.debug('a commit is not to be had of the remote', { task: id, error: toOrchError(thrown) })
  }
  return await commits.take(spec.repo, commit)
}

async function isBehind(git: Git, branch: string, head: string): Promise<boolean> {
  const tip = await git.try(['rev-parse', '--verify', '--quiet', `refs/heads/${branch}`])
  if (tip.code !== 0) return true
  return (await git.try(['merge-base', '--is-ancestor', tip.stdout.trim(), head])).code === 0
}
