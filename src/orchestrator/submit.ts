import type { ProjectConfig } from '../config/schema.ts'
import { OrchError } from '../errors.ts'
import type { TaskId } from '../id.ts'
import type { Task, TaskSpec } from '../task/task.ts'
import { oneLine } from '../text.ts'
import type { Parts } from './parts.ts'
import { keepRunEnv } from './run-env.ts'

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
}

export interface RunOrder {
  requestId: string
  repo: string
  tasks: TaskOrder[]
  env: Record<string, string>
}

/**
 * Queues a run. Everything that can be known to be wrong is refused here, before anything is queued.
 * @throws OrchError E_NOT_A_REPOSITORY, E_NO_COMMIT, E_NO_BASE, E_NO_IDENTITY, E_NO_AGENT, E_PROGRAM_MISSING, E_CONFIG, E_INVALID
 */
export async function submit(parts: Parts, order: RunOrder): Promise<Task[]> {
  const settings = await parts.settings(await parts.repositories.root(order.repo))
  const specs: { id: TaskId; spec: TaskSpec }[] = []
  for (const task of order.tasks) specs.push(await resolve(parts, order, task, settings))
  const run = {
    id: parts.ids.run(),
    requestId: order.requestId,
    repo: specs[0]?.spec.repo ?? order.repo,
    createdAt: parts.clock.now(),
  }
  await keepRunEnv(parts.paths, run.id, order.env)
  const { tasks } = await parts.store.tasks.submit(run, specs)
  return tasks
}

async function resolve(parts: Parts, order: RunOrder, task: TaskOrder, settings: ProjectConfig) {
  const place = await parts.repositories.inspect(order.repo, task.base ?? settings.base)
  const driver = await chooseDriver(parts, task, settings)
  const runtime = task.runtime ?? settings.runtime
  await parts.runtimes[runtime].ready()
  const id = parts.ids.task()
  const title = oneLine(task.title ?? firstLine(task), 72) || 'Task'
  const spec: TaskSpec = {
    repo: place.root,
    title,
    description: task.description,
    base: place.base,
    branch: await parts.repositories.freeBranch(place.root, settings.branchPrefix, title, id),
    profile: chooseProfile(task, settings),
    driver,
    ...(task.argv && { argv: task.argv }),
    ...(task.model && { model: task.model }),
    forge: await parts.repositories.chooseForge(place.root, task.forge ?? settings.forge),
    runtime,
    priority: task.priority ?? 0,
    tries: task.tries ?? settings.tries,
    publish: task.publish ?? settings.publish,
    limits: {
      wallMs: (task.wallMinutes ?? settings.wallMinutes) * 60_000,
      outputBytes: settings.outputMegabytes * 1_000_000,
    },
  }
  return { id, spec }
}

const firstLine = (task: TaskOrder) => task.description.trim().split('\n')[0] ?? ''

function chooseProfile(task: TaskOrder, settings: ProjectConfig): string {
  const profile = task.profile ?? settings.profile
  if (profile === 'general' || profile in settings.profiles) return profile
  const known = ['general', ...Object.keys(settings.profiles)]
  throw new OrchError('E_INVALID', `there is no profile ${profile}; there are ${known.join(', ')}`)
}

async function chooseDriver(parts: Parts, task: TaskOrder, settings: ProjectConfig): Promise<string> {
  const name = task.driver ?? (task.argv ? 'command' : settings.driver)
  if (task.argv && name !== 'command')
    throw new OrchError('E_INVALID', `only --agent command takes a program after --, not ${name}`)
  if (name === 'command' && !task.argv?.length) {
    throw new OrchError(
      'E_INVALID',
      'the command agent needs a program: orch run --agent command -- PROGRAM ARGS',
    )
  }
  if (name === 'auto') return await firstInstalled(parts)
  const driver = parts.drivers.get(name)
  if (!driver)
    throw new OrchError(
      'E_NO_AGENT',
      `there is no agent program ${name}; there are ${[...parts.drivers.keys()].join(', ')}`,
    )
  if (await driver.detect()) return name
  throw new OrchError('E_NO_AGENT', `${name} is not installed (not on the PATH of the daemon)`)
}

async function firstInstalled(parts: Parts): Promise<string> {
  for (const driver of parts.drivers.values()) {
    if (driver.name !== 'command' && (await driver.detect())) return driver.name
  }
  throw new OrchError('E_NO_AGENT', 'no agent program that Orch knows is installed')
}
