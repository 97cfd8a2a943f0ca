import type { ProjectConfig } from '../config/schema.ts'
import { OrchError } from '../errors.ts'
import type { TaskId } from '../id.ts'
import type { ProfileLimits } from '../profile/profile.ts'
import type { Task, TaskSpec } from '../task/task.ts'
import { oneLine } from '../text.ts'
import { limitsOf, type RunLimitOrder, runLimitsOf } from './attempt/limits-of.ts'
import { dropRunEnv, keepRunEnv } from './attempt/run-env.ts'
import { createLookup, type Lookup } from './lookup.ts'
import type { Parts } from './parts.ts'

/** A task as it is asked for; what is left out comes from the configuration of its repository. */
export interface TaskOrder {
  description: string
  title?: string
  base?: string
  profile?: string
  driver?: string
  argv?: string[]
  model?: string
  forge?: 'auto' | 'local' | 'github'
  runtime?: 'tmux' | 'process'
  publish?: 'orch' | 'agent'
  priority?: number
  tries?: number
  wallMinutes?: number
  limits?: ProfileLimits
  /** The agent's own terminal interface instead of its headless mode. */
  interactive?: boolean
  /** Profiles that must approve the work. */
  validate?: string[]
  /** Labels that a host must have to take it. */
  labels?: string[]
  /** Tasks that must be accepted before it is due: ids, or positions in the same order (0 = the first). */
  after?: (number | TaskId)[]
}

export interface RunOrder {
  requestId: string
  repo: string
  tasks: TaskOrder[]
  env: Record<string, string>
  /** What all attempts of all tasks may take together. */
  limits?: RunLimitOrder
}

/**
 * Queues a run. Everything that can be known to be wrong is refused here, before anything is queued.
 * @throws OrchError E_NOT_A_REPOSITORY, E_NO_COMMIT, E_NO_BASE, E_NO_IDENTITY, E_NO_AGENT, E_PROGRAM_MISSING, E_CONFIG, E_INVALID, E_MCP_UNAPPROVED, E_MCP_CHANGED, E_MCP_FAILED
 */
export async function submit(parts: Parts, order: RunOrder): Promise<Task[]> {
  const lookup = createLookup(parts, order.repo, order.env)
  const settings = await parts.settings(await parts.repositories.root(order.repo))
  const limits = runLimitsOf(settings, order.limits)
  const specs: { id: TaskId; spec: TaskSpec }[] = []
  for (const task of order.tasks) specs.push(await resolveTask(parts, lookup, task, settings))
  closeGates(specs, order.tasks)
  const run = {
    id: parts.ids.run(),
    requestId: order.requestId,
    repo: specs[0]?.spec.repo ?? order.repo,
    createdAt: parts.clock.now(),
    ...(limits && { limits }),
  }
  await keepRunEnv(parts.paths, run.id, order.env)
  const queued = await parts.store.tasks.submit(run, specs).catch(async (error) => {
    await dropRunEnv(parts.paths, run.id)
    throw error
  })
  if (!queued.created) await dropRunEnv(parts.paths, run.id)
  return queued.tasks
}

/** Whom each comes after, by id: positions are those of the order. @throws OrchError E_INVALID */
function closeGates(specs: { id: TaskId; spec: TaskSpec }[], orders: readonly TaskOrder[]): void {
  for (const [index, { after = [] }] of orders.entries()) {
    const ids = after.map((it) => (typeof it === 'number' ? specs[it]?.id : it))
    if (ids.includes(undefined))
      throw new OrchError(
        'E_INVALID',
        `task ${index} comes after ${after[ids.indexOf(undefined)]}; there are ${orders.length} tasks, counted from 0`,
      )
    const there = specs[index]
    if (there && ids.length > 0) there.spec = { ...there.spec, after: ids as TaskId[] }
  }
}

/** The whole specification of a task, with the settings of its repository for what is left out. @throws as submit */
export async function resolveTask(parts: Parts, lookup: Lookup, task: TaskOrder, settings: ProjectConfig) {
  const place = await lookup.inspect(task.base ?? settings.base)
  const profile = await lookup.profile(task.profile ?? settings.profile)
  const driver = await chooseDriver(parts, lookup, task, profile.driver ?? settings.driver)
  const runtime = task.runtime ?? settings.runtime
  await lookup.mcp([...settings.mcp, ...profile.mcp].join())
  if (task.interactive) checkInteractive(parts, driver, runtime)
  await lookup.ready(runtime)
  const validate = task.validate ?? settings.validate
  for (const name of validate) await lookup.profile(name)
  const id = parts.ids.task()
  const title = oneLine(task.title ?? firstLine(task), 72) || 'Task'
  const nameBranch = await lookup.namer(place.root)
  const spec: TaskSpec = {
    repo: place.root,
    title,
    description: task.description,
    base: place.base,
    branch: nameBranch(settings.branchPrefix, title, id),
    profile: profile.name,
    driver,
    ...(task.argv && { argv: task.argv }),
    ...(task.model && { model: task.model }),
    forge: await lookup.forge(task.forge ?? settings.forge),
    runtime,
    ...(task.interactive && { interactive: true }),
    ...(validate.length > 0 && { validate }),
    ...(task.labels?.length && { labels: task.labels }),
    priority: task.priority ?? 0,
    tries: task.tries ?? settings.tries,
    publish: task.publish ?? settings.publish,
    limits: limitsOf(task, profile, settings),
  }
  return { id, spec }
}

const firstLine = (task: TaskOrder) => task.description.trim().split('\n')[0] ?? ''

async function chooseDriver(
  parts: Parts,
  lookup: Lookup,
  task: TaskOrder,
  preferred: string,
): Promise<string> {
  const name = task.driver ?? (task.argv ? 'command' : preferred)
  if (name === 'auto') return await firstInstalled(parts, lookup)
  const driver = parts.drivers.get(name)
  if (!driver)
    throw new OrchError(
      'E_NO_AGENT',
      `there is no agent program ${name}; there are ${[...parts.drivers.keys()].join(', ')}`,
    )
  if (task.argv && !driver.takesProgram)
    throw new OrchError('E_INVALID', `--agent ${name} takes no program after --; command and acp do`)
  if (driver.takesProgram && !task.argv?.length)
    throw new OrchError('E_INVALID', `${name} needs a program: orch run --agent ${name} -- PROGRAM ARGS`)
  if ((await lookup.installed(name)) || (await lookup.elsewhere(name))) return name
  throw new OrchError('E_NO_AGENT', `${name} is not installed (not on the PATH of the daemon)`)
}

function checkInteractive(parts: Parts, name: string, runtime: TaskSpec['runtime']): void {
  if (!parts.drivers.get(name)?.interactive)
    throw new OrchError('E_INVALID', `${name} has no terminal interface that Orch can follow`)
  if (runtime !== 'tmux') throw new OrchError('E_INVALID', 'a terminal interface needs the runtime tmux')
}

async function firstInstalled(parts: Parts, lookup: Lookup): Promise<string> {
  const programs = [...parts.drivers.values()].filter(({ takesProgram }) => !takesProgram)
  for (const { name } of programs) if (await lookup.installed(name)) return name
  for (const { name } of programs) if (await lookup.elsewhere(name)) return name
  throw new OrchError('E_NO_AGENT', 'no agent program that Orch knows is installed')
}
