import { existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import type { TaskDetail } from '../../src/api/contract.ts'
import { type Model, type Step, startModel } from '../fixtures/model/server.ts'
import { type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'

/** Where real agent programs play through the whole of Orch, against a model that follows a script. */
export interface Stage {
  orch(): Orch
  model(): Model
  /** Gives a task to the program, in a repository of its own. `prepare` is called with its place first. */
  give(
    description: string,
    more?: object,
    prepare?: (path: string) => void,
  ): Promise<{ run: string; id: string }>
  say(id: string, text: string): Promise<unknown>
  /** Waits until so many tools were called. */
  calls(id: string, count: number): Promise<unknown>
  /** The only task of the run, when it has ended. */
  result(run: string): Promise<TaskDetail | undefined>
}

export interface Play {
  title: string
  /** Name of the program. */
  name: string
  /** Settings of the daemon and variables of the program, so that it asks the model at `url` and nobody else. */
  settings(url: string): Record<string, string>
  /** For each task. */
  task: object
  /** By how a prompt begins, or what it holds. */
  scripts: Record<string, Step[]>
}

export const commit = (file: string): Step => ({
  shell: `echo ${file} >${file} && git add ${file} && git commit --quiet -m 'Add ${file}'`,
})

/** Runs only with ORCH_TEST_AGENTS=NAME,… and the program on PATH: docs/drivers.md tells how, where nothing can leave the machine. */
export function onStage({ title, name, settings, task, scripts }: Play, tests: (stage: Stage) => void): void {
  const why = whyNot(name)
  describe.skipIf(why !== undefined)(why ? `${title} (skipped: ${why})` : title, { timeout: 180_000 }, () => {
    let orch: Orch
    let model: Model
    beforeAll(async () => {
      model = await startModel(
        (prompt) => Object.entries(scripts).find(([start]) => prompt.includes(start))?.[1],
      )
      orch = await startOrch(settings(model.url))
    })
    afterAll(async () => {
      await orch?.close()
      await model?.close()
    })
    tests({
      orch: () => orch,
      model: () => model,
      async give(description, more = {}, prepare) {
        const { path } = await makeRepository()
        prepare?.(path)
        const run = await orch.submit(path, [{ description, ...task, ...more }])
        return { run: run.id, id: run.tasks[0]?.id ?? '' }
      },
      say: (id, text) => orch.client.call('say', { params: { id }, body: { text } }),
      calls: (id, count) =>
        until(`${count} tool calls`, async () => (await orch.task(id)).usage.toolCalls >= count, 60_000),
      result: async (run) => (await orch.finished(run, 120_000))[0],
    })
  })
}

/** Why the tests of a program do not run; undefined when they do. */
function whyNot(name: string): string | undefined {
  const asked = (process.env.ORCH_TEST_AGENTS ?? '').split(',').includes(name)
  if (!asked) return `ORCH_TEST_AGENTS does not name ${name}`
  return isOnPath(name) ? undefined : `${name} is not on PATH`
}

const isOnPath = (name: string) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .some((place) => isAbsolute(place) && existsSync(join(place, name)))
