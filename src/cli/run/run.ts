import { randomUUID } from 'node:crypto'
import { askAgain } from '../../api/ask-again.ts'
import type { Client } from '../../api/client.ts'
import type { NewTaskRequest, RunView, SubmitRequest } from '../../api/contract.ts'
import { loadConfig } from '../../config/load.ts'
import { mcpVariables } from '../../config/mcp-variables.ts'
import { OrchError } from '../../errors.ts'
import { passedEnv } from '../../orchestrator/attempt/agent-env.ts'
import { oneLine } from '../../text.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'
import { untilInterrupt } from '../interrupt.ts'
import { patience, patientClient } from '../patient.ts'
import { findRepository } from '../repository.ts'
import { isFinal } from '../task-lines.ts'
import { createBlock } from './block.ts'
import { followRun, type Progress } from './follow.ts'
import { createLines } from './lines.ts'
import { detachedText, resultText, workingOnText } from './result.ts'
import { type RunOptions, readTasks, runLimits } from './tasks.ts'

/**
 * `orch run`: gives the tasks to the daemon and shows them until each is final.
 * @throws OrchError E_NOT_ACCEPTED when one is not accepted, after the result was printed
 */
export async function run(cli: Cli, words: string[], options: RunOptions): Promise<void> {
  const tasks = await readTasks(cli, words, options)
  const request = { ...(await requestOf(cli, tasks, cli.repository(options.repo))), ...runLimits(options) }
  const client = await cli.connect()
  // From here on Ctrl-C ends the watching and not the program: the daemon may have the tasks already.
  const { signal, release } = untilInterrupt(cli.world)
  try {
    const submitted = await submit(cli, client, request, signal)
    if (options.detach) return cli.answer('run', submitted, () => detachedText(submitted, cli))
    await watch(cli, client, submitted, signal)
  } finally {
    release()
  }
}

async function watch(cli: Cli, client: Client, submitted: RunView, signal: AbortSignal): Promise<void> {
  const { ended, interrupted } = await follow(cli, client, submitted, signal)
  if (interrupted) {
    cli.note(workingOnText(ended))
    cli.exit(130)
    if (cli.json) cli.answer('run', ended, () => '')
    return
  }
  cli.answer('run', ended, () => resultText(ended, cli))
  const missed = ended.tasks.filter((task) => task.state !== 'accepted' && isAsked(task))
  if (missed.length > 0) throw notAccepted(ended, missed)
}

/** Tasks that were asked for, and those that their work was handed over to; what others made on the way is theirs to judge. */
const isAsked = ({ origin }: RunView['tasks'][number]) => origin === undefined || origin === 'handoff'

async function requestOf(cli: Cli, tasks: NewTaskRequest[], repo: string): Promise<SubmitRequest> {
  const { environment } = cli.world
  const { config } = await loadConfig(environment, { repo: await findRepository(repo) })
  return {
    requestId: randomUUID(),
    repo,
    tasks,
    env: callerEnv(cli, [...config.passEnv, ...mcpVariables(config)], ['ORCH_REDIS', config.redis?.password]),
  }
}

const LONGEST_VALUE = 32_768

/** The caller's variables for the agents. One that the API would not take is left out, with a word. */
function callerEnv(
  cli: Cli,
  passEnv: readonly string[],
  never: readonly (string | undefined)[],
): Record<string, string> {
  const all = Object.entries(passedEnv(cli.world.environment.env, passEnv, never))
  const fits = ([name, value]: [string, string]) =>
    /^[A-Za-z_]\w{0,99}$/.test(name) && value.length <= LONGEST_VALUE
  const left = all.filter((entry) => !fits(entry)).map(([name]) => oneLine(name, 100))
  if (left.length > 0) cli.note(`note: not handed to agents, by name or size: ${left.join(', ')}`)
  return Object.fromEntries(all.filter(fits))
}

/** Who went away while asked may have taken the run: the same request again gives that one. */
const submit = (cli: Cli, client: Client, body: SubmitRequest, signal: AbortSignal): Promise<RunView> =>
  askAgain(() => client.call('submit', { body }), {
    ...patience(cli, signal),
    again: () => !signal.aborted,
  })

async function follow(cli: Cli, client: Client, submitted: RunView, signal: AbortSignal) {
  const progress = progressFor(cli, submitted)
  try {
    const patient = patientClient(cli, client, { signal, say: progress.said })
    const ended = await followRun(patient, submitted, { signal, progress })
    return { ended, interrupted: !ended.tasks.every(isFinal) }
  } catch (error) {
    throw lost(error)
  } finally {
    progress.end()
  }
}

/** A daemon that went away takes nothing with it. */
function lost(error: unknown): unknown {
  if (!(error instanceof OrchError) || error.code !== 'E_DAEMON') return error
  return new OrchError('E_DAEMON', error.message, {
    fix: 'The agents work on. `orch start` takes them up again, then `orch status --watch` shows them.',
    cause: error,
  })
}

function progressFor(cli: Cli, submitted: RunView): Progress {
  if (cli.json) return { happened() {}, changed() {}, said: cli.note, end() {} }
  return cli.world.environment.stdoutTty ? createBlock(cli, submitted) : createLines(cli, submitted)
}

function notAccepted(ended: RunView, missed: RunView['tasks']): OrchError {
  const first = missed[0]?.id ?? 'TASK'
  return new OrchError(
    'E_NOT_ACCEPTED',
    `${missed.length} of ${count(ended.tasks.length, 'task')} not accepted`,
    {
      fix: `\`orch show ${first}\` tells why, \`orch logs ${first}\` what the agent printed; \`orch retry ${first}\` tries again.`,
      details: { run: ended.id, tasks: missed.map(({ id }) => id) },
    },
  )
}
