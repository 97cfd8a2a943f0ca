import type { NewTask, Store, TaskStore } from '../store/store.ts'
import type { RepositorySource, Run, Task, TaskSpec } from '../task/task.ts'
import type { RepositoryNames } from './names.ts'

type PullRequestRecords = Store['pulls']
type PullRecord = Awaited<ReturnType<PullRequestRecords['moved']>>

export interface LocalStoreOptions {
  names: RepositoryNames
  /** What other hosts have to know of the repository of a new task. It may bring there what they need. */
  sourceOf(spec: TaskSpec): Promise<RepositorySource>
}

/**
 * A store that several hosts share, as one of them sees it: repositories are plain paths on this host. The one place where
 * names become paths and paths names.
 */
export function localStore(store: Store, options: LocalStoreOptions): Store {
  return {
    ...store,
    tasks: localTasks(store.tasks, options),
    pulls: localPulls(store.pulls, options.names),
  }
}

function localTasks(tasks: TaskStore, { names, sourceOf }: LocalStoreOptions): TaskStore {
  const here = (task: Task): Task => ({
    ...task,
    spec: { ...task.spec, repo: names.pathOf(task.spec.repo) },
  })
  const maybe = (task: Task | undefined) => task && here(task)
  const all = (found: Task[]) => found.map(here)
  const runHere = (run: Run): Run => ({ ...run, repo: names.pathOf(run.repo) })
  const named = async (ordered: NewTask[]): Promise<NewTask[]> => {
    const done: NewTask[] = []
    const known = new Map<string, Promise<RepositorySource>>()
    for (const { id, spec } of ordered) {
      const key = JSON.stringify([spec.repo, spec.base, spec.forge])
      const asked = known.get(key) ?? sourceOf(spec)
      known.set(key, asked)
      const source = await asked
      done.push({ id, spec: { ...spec, repo: names.nameOf(spec.repo), source } })
    }
    return done
  }
  return {
    ...tasks,
    async submit(run, ordered) {
      const queued = await tasks.submit({ ...run, repo: names.nameOf(run.repo) }, await named(ordered))
      return { ...queued, run: runHere(queued.run), tasks: all(queued.tasks) }
    },
    async spawn(fence, order) {
      const made = await tasks.spawn(fence, { ...order, tasks: await named(order.tasks) })
      return { ...made, tasks: all(made.tasks) }
    },
    async claim(request) {
      const except = request.except?.map(names.nameOf)
      const claimed = await tasks.claim({ ...request, ...(except && { except }) })
      return claimed && { ...claimed, task: here(claimed.task) }
    },
    start: async (...given) => here(await tasks.start(...given)),
    wait: async (...given) => here(await tasks.wait(...given)),
    resume: async (...given) => here(await tasks.resume(...given)),
    report: async (...given) => here(await tasks.report(...given)),
    verify: async (...given) => here(await tasks.verify(...given)),
    accept: async (...given) => here(await tasks.accept(...given)),
    fail: async (...given) => here(await tasks.fail(...given)),
    lose: async (...given) => here(await tasks.lose(...given)),
    postpone: async (...given) => here(await tasks.postpone(...given)),
    cancel: async (...given) => here(await tasks.cancel(...given)),
    retry: async (...given) => here(await tasks.retry(...given)),
    rescue: async (...given) => all(await tasks.rescue(...given)),
    get: async (id) => maybe(await tasks.get(id)),
    find: async (...given) => all(await tasks.find(...given)),
    list: async (filter = {}) =>
      all(await tasks.list(filter.repo ? { ...filter, repo: names.nameOf(filter.repo) } : filter)),
    async run(id) {
      const run = await tasks.run(id)
      return run && runHere(run)
    },
    runs: async (limit) => (await tasks.runs(limit)).map(runHere),
  }
}

function localPulls(pulls: PullRequestRecords, { nameOf, pathOf }: RepositoryNames): PullRequestRecords {
  const here = (record: PullRecord): PullRecord => ({ ...record, repo: pathOf(record.repo) })
  const maybe = (record: PullRecord | undefined) => record && here(record)
  return {
    async open(repo, ...order) {
      const { record, created } = await pulls.open(nameOf(repo), ...order)
      return { record: here(record), created }
    },
    get: async (repo, number) => maybe(await pulls.get(nameOf(repo), number)),
    list: async (repo, filter) => (await pulls.list(nameOf(repo), filter)).map(here),
    moved: async (repo, ...given) => here(await pulls.moved(nameOf(repo), ...given)),
    merged: async (repo, ...given) => here(await pulls.merged(nameOf(repo), ...given)),
    closed: async (repo, ...given) => here(await pulls.closed(nameOf(repo), ...given)),
    checked: async (repo, ...given) => here(await pulls.checked(nameOf(repo), ...given)),
    reviewed: async (repo, ...given) => here(await pulls.reviewed(nameOf(repo), ...given)),
  }
}
