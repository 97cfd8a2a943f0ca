import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Driver } from '../../src/agent/agent.ts'
import type { Clock } from '../../src/clock.ts'
import type { Config } from '../../src/config/schema.ts'
import { createOrchestrator, type Orchestrator } from '../../src/orchestrator/orchestrator.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import type { Task } from '../../src/task/task.ts'
import { type Around, beginWith, order, realParts, surround } from './parts.ts'
import { makeRepository } from './repository.ts'
import { scriptedDriver } from './scripted.ts'
import { temporaryDirectory } from './temporary.ts'

/** A daemon's parts with scripted agent programs, and what tests of conversations do with them. */

export interface TeamOptions {
  drivers?: Driver[]
  state?: string
  config?: Partial<Config>
  around?: Around
  clock?: Clock
  /** It will die in the middle of something: nobody waits for its end. */
  dies?: boolean
}

export async function team({
  drivers = [scriptedDriver('scripted')],
  around,
  dies,
  ...options
}: TeamOptions = {}) {
  const real = await realParts(options)
  const parts: Parts = { ...real, drivers: new Map(drivers.map((driver) => [driver.name, driver])) }
  const inside = around ? surround(parts, around) : parts
  const orchestrator = dies ? createOrchestrator(inside) : await beginWith(inside)
  if (dies) await orchestrator.begin()
  const leave = async () => {
    await orchestrator.end()
    await parts.store.close()
  }
  return { parts, orchestrator, leave }
}

/** Gives a script, one statement a line, to the program `scripted`. */
export async function give(orchestrator: Orchestrator, script: string[], more: object = {}): Promise<Task> {
  const { path } = await makeRepository()
  return await order(orchestrator, path, script.join('\n'), { driver: 'scripted', tries: 1, ...more })
}

export const types = async (parts: Parts, { id }: Task) =>
  (await parts.store.journal.read({ taskId: id })).map(({ type }) => type)

/** What the task's branch has in a file. */
export const work = (task: Task, file: string): string =>
  execFileSync('git', ['-C', task.spec.repo, 'show', `${task.spec.branch}:${file}`], { encoding: 'utf8' })

/** The path of a file that is not there yet. */
export const flag = () => join(temporaryDirectory('orch-flag'), 'go')

/** Stops the first call of a port (by its name as `surround` has it) before it begins, once it is armed. */
export function gate(name: string, after = 0) {
  let armed = false
  let met = 0
  let reach = () => {}
  let open = () => {}
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  const around: Around = async (called, call) => {
    if (armed && called === name && met++ === after) {
      reach()
      await opened
    }
    return await call()
  }
  return {
    around,
    reached,
    open,
    arm: () => {
      armed = true
    },
  }
}

/** A script with one part for each process of the attempt; the last one also for all others. */
export const processes = (...parts: string[][]) => {
  const count = flag()
  const cases = parts.map((part, n) => `${n + 1 < parts.length ? n + 1 : '*'})\n${part.join('\n')}\n;;`)
  return [`echo >>${count}`, `case $(($(wc -l <${count}))) in`, ...cases, 'esac']
}
