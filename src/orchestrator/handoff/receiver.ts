import { OrchError } from '../../errors.ts'
import { isFinal, type Task } from '../../task/task.ts'
import { oneLine } from '../../text.ts'
import type { Parts } from '../parts.ts'
import { resolve } from '../resolve.ts'

/** The profile of that name, or the one that is best at it. @throws OrchError E_INVALID with what there is */
export async function profileOf(parts: Parts, repo: string, wanted: string): Promise<string> {
  const { profiles } = await parts.profiles.list(repo)
  const named = profiles.find(({ profile }) => profile.name === wanted)
  return named ? wanted : await profileWith(parts, repo, wanted)
}

/** The profile that names this capability first among what it can do. @throws OrchError E_INVALID */
export async function profileWith({ profiles }: Parts, repo: string, capability: string): Promise<string> {
  const all = (await profiles.list(repo)).profiles.map(({ profile }) => profile)
  const able = all.filter(({ capabilities }) => capabilities.includes(capability))
  const rank = ({ capabilities }: (typeof all)[number]) => capabilities.indexOf(capability)
  const best = able.toSorted((a, b) => rank(a) - rank(b))[0]
  if (best) return best.name
  const there = [...new Set(all.flatMap(({ capabilities }) => capabilities))].toSorted()
  throw new OrchError('E_INVALID', `no profile can do ${oneLine(capability, 60)}`, {
    fix: `Capabilities that there are: ${there.join(', ')}; profiles: ${all.map(({ name }) => name).join(', ')}.`,
  })
}

/** The task of an agent that is to get work. @throws OrchError E_NOT_FOUND, E_AMBIGUOUS, E_STATE (it is over), E_INVALID */
export async function runningTask(parts: Parts, sender: Task, to: string): Promise<Task> {
  const task = await resolve(parts, to)
  if (isFinal(task.state))
    throw new OrchError('E_STATE', `${task.id} is ${task.state}: nobody reads there any more`, {
      fix: 'Hand over to a profile: then a new task begins.',
    })
  if (task.id === sender.id) throw new OrchError('E_INVALID', `${to} is yourself`)
  if (task.spec.repo !== sender.spec.repo)
    throw new OrchError('E_INVALID', `${task.id} works in another repository`)
  return task
}
