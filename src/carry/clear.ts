import { existsSync, realpathSync } from 'node:fs'
import { mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { toOrchError } from '../errors.ts'
import { isFinal, type Task } from '../task/task.ts'
import type { Turns } from '../turns.ts'
import type { Carrying, Cleared, ClearOrder } from './carrying.ts'
import { bareContains, barePath, commitsOf, contains } from './held-commits.ts'
import type { Home } from './home.ts'
import { readName } from './names.ts'
import type { CarryNeeds, CarryTools } from './tools.ts'

type Sweep = ClearOrder & Cleared

/**
 * What is left of ended tasks between hosts: clones with their bare repositories, and refs that keep commits. Nothing goes
 * that is nowhere else: what a clone holds is asked of its home, and what cannot be asked stays.
 */
export function createClearing(
  tools: CarryTools,
  { forges }: CarryNeeds,
  home: Home,
  inTurn: Turns,
): Pick<Carrying, 'clear'> {
  const { store, names, git, log } = tools
  const tasksOf = async (path: string) => await store.tasks.list({ repo: names.nameOf(path) })

  const clearClone = async (path: string, sweep: Sweep) => {
    const name = names.nameOf(path)
    const why = await whyKept(path, name, sweep)
    if (why) return void sweep.kept.push({ what: `clone ${path}`, why })
    if (!sweep.dryRun) await discard(tools, path)
    sweep.removed.push(`clone ${path}`)
  }
  const whyKept = async (path: string, name: string, { gone }: ClearOrder) => {
    if (!readName(name) || readName(name)?.host === tools.host) return 'it is not known whose it is'
    const tasks = await tasksOf(path)
    const open = tasks.filter(({ state }) => !isFinal(state))
    if (open.length > 0) return `open tasks need it (${open[0]?.id}${open.length > 1 ? ', …' : ''})`
    const list = await git.in(path)(['worktree', 'list', '--porcelain', '-z'])
    const trees = list.split('\0').flatMap((it) => (it.startsWith('worktree ') ? [it.slice(9)] : []))
    const inUse = trees.find((it) => it !== path && !gone.has(it) && existsSync(it))
    if (inUse) return `${inUse} is a work tree of it`
    return await workOnlyHere(path, name, tasks)
  }
  const workOnlyHere = async (path: string, name: string, tasks: Task[]) => {
    const bare = barePath(tools.forge, path)
    const all = [git.in(path), ...(existsSync(bare) ? [git.in(bare)] : [])]
    const tips = new Set((await Promise.all(all.map((it) => commitsOf(it)))).flat())
    for (const tip of tips) if (await contains(git.in(path), tip, ['refs/remotes/origin'])) tips.delete(tip)
    for (const { spec } of tips.size > 0 ? tasks : [])
      if (spec.forge === 'github')
        for (const it of await forges.github.find(path, spec.branch)) tips.delete(it.headCommit)
    if (tips.size === 0) return undefined
    const held = await home.holds(name, [...tips])
    if (!held) return 'its home does not answer, and may lack work that is in it'
    for (const commit of held) tips.delete(commit)
    return tips.size > 0 ? `it holds work that its home has not (${[...tips][0]?.slice(0, 12)})` : undefined
  }

  /** Of repositories without open tasks. What nothing else keeps stays. */
  const clearRefs = async (path: string, sweep: Sweep) => {
    if ((await tasksOf(path)).some(({ state }) => !isFinal(state))) return
    const inside = git.in(path)
    for (const commit of await commitsOf(inside, 'refs/orch/carried')) {
      const ref = `refs/orch/carried/${commit}`
      const kept =
        (await contains(inside, commit, KEEPERS)) || (await bareContains(git, tools.forge, path, commit))
      if (!kept) sweep.kept.push({ what: `${ref} of ${path}`, why: 'it holds work that nothing else keeps' })
      else if (!sweep.dryRun) await inside(['update-ref', '-d', ref, commit])
      if (kept) sweep.removed.push(`${ref} of ${path}`)
    }
  }
  const guarded = async (what: string, sweep: Sweep, work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      log.warn('what is left between hosts could not be cleared', { what, error })
      sweep.kept.push({ what, why: toOrchError(error).message })
    }
  }
  return {
    async clear(order) {
      const sweep: Sweep = { ...order, removed: [], kept: [] }
      const root = realpathSync(tools.clones)
      const clones = (await readdir(root)).filter((it) => !it.startsWith('.')).sort()
      for (const path of clones.map((it) => join(root, it)))
        await guarded(`clone ${path}`, sweep, () => inTurn(path, () => clearClone(path, sweep)))
      const named = new Set((await store.tasks.list()).map(({ spec }) => spec.repo))
      const atHome = [...named].filter((name) => readName(name)?.host === tools.host).map(names.pathOf)
      for (const path of atHome.filter((it) => existsSync(it)).sort())
        await guarded(`refs of ${path}`, sweep, () => clearRefs(path, sweep))
      return { removed: sweep.removed, kept: sweep.kept }
    },
  }
}

/** What keeps a commit as long as a person wants. */
const KEEPERS = ['refs/heads', 'refs/remotes', 'refs/tags', 'refs/orch/saved']

/** Renamed away, then deleted. The bare repository first: without its clone nobody would find it again. */
async function discard({ clones, forge }: CarryTools, path: string): Promise<void> {
  const away = await mkdtemp(join(clones, '.gone-'))
  const bare = join(barePath(forge, path), '..')
  if (existsSync(bare)) await rename(bare, join(away, 'forge'))
  await rename(path, join(away, 'clone'))
  await rm(away, { recursive: true, force: true })
}
