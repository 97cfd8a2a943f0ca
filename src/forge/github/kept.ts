import { gitFailure } from './failure.ts'
import { attempt, type Place } from './network.ts'

/**
 * Commits of work that goes on, kept at GitHub for other hosts by refs that no branch list shows and no workflow is started
 * by. A name (`TASK/EPOCH`) has one writer, the attempt that it is of, so that what comes late overwrites nothing of others.
 */

const KEPT = 'refs/orch/work/'
const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/

export async function keepCommit(place: Place, name: string, commit: string): Promise<void> {
  const args = ['push', '--porcelain', '--no-verify', '--', place.url, `+${commit}:${KEPT}${name}`]
  const result = await attempt(place, args)
  if (result.code !== 0) throw gitFailure(place.bare.path, args, result)
}

/** Whether the bare repository has the commit now: it had, a kept ref is at it, or the server gives it by its id. */
export async function obtainKept(place: Place, commit: string): Promise<boolean> {
  if (!COMMIT.test(commit)) return false
  if (await place.bare.obtain(commit)) return true
  const refs = await kept(place)
  const from = refs.find((it) => it.commit === commit)?.ref ?? commit
  const how = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules']
  const into = `+${from}:refs/orch/obtained/${commit}`
  const args = ['fetch', ...how, '--no-auto-maintenance', '--', place.url, into]
  await attempt(place, args)
  return (await place.bare.commit(`refs/orch/obtained/${commit}`)) === commit
}

export async function letGo(place: Place, prefix: string): Promise<void> {
  const refs = (await kept(place)).filter(({ ref }) => ref.startsWith(KEPT + prefix))
  if (refs.length === 0) return
  const args = ['push', '--porcelain', '--no-verify', '--', place.url, ...refs.map(({ ref }) => `:${ref}`)]
  const result = await attempt(place, args)
  if (result.code !== 0) throw gitFailure(place.bare.path, args, result)
}

async function kept(place: Place): Promise<{ commit: string; ref: string }[]> {
  const args = ['ls-remote', '--', place.url, `${KEPT}*`]
  const result = await attempt(place, args)
  if (result.code !== 0) throw gitFailure(place.bare.path, args, result)
  return result.stdout.split('\n').flatMap((line) => {
    const [commit = '', ref = ''] = line.split('\t')
    return ref.startsWith(KEPT) ? [{ commit, ref }] : []
  })
}
