import type { Client } from '../api/client.ts'
import type { TaskView } from '../api/contract.ts'
import { type ErrorBody, type OrchError, toOrchError } from '../errors.ts'
import type { Cli } from './cli.ts'
import { findTask } from './find-task.ts'

/**
 * Does one thing to each of several tasks, and goes on when one fails.
 * @throws OrchError the first failure, after the others were done and the result was printed
 */
export async function eachTask(
  cli: Cli,
  names: string[],
  verb: 'cancel' | 'retry',
  done: string,
): Promise<void> {
  const client = await cli.connect()
  const tasks: TaskView[] = []
  const failures: { task: string; error: ErrorBody }[] = []
  let first: OrchError | undefined
  for (const name of new Set(names)) {
    try {
      tasks.push(await act(client, name, verb))
    } catch (thrown) {
      const error = toOrchError(thrown)
      failures.push({ task: name, error: error.toBody() })
      if (first && !cli.json) cli.note(`error: ${error.message}`)
      first ??= error
    }
  }
  cli.answer('tasks', { tasks, failures }, () => tasks.map(({ id }) => `${id} ${done}\n`).join(''))
  if (first) throw first
}

async function act(client: Client, name: string, verb: 'cancel' | 'retry'): Promise<TaskView> {
  const { id } = await findTask(client, name)
  return await client.call(verb, { params: { id } })
}
