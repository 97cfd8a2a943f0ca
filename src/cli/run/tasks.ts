import type { NewTaskRequest, SubmitRequest } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import { oneLine } from '../../text.ts'
import type { Cli } from '../cli.ts'
import { readInput } from '../input.ts'
import { nearest } from '../nearest.ts'

export interface RunOptions {
  file?: string
  agent?: string
  detach?: boolean
  base?: string
  title?: string
  profile?: string
  model?: string
  forge?: 'auto' | 'local' | 'github'
  runtime?: 'tmux' | 'process'
  publish?: 'orch' | 'agent'
  tries?: number
  priority?: number
  timeLimit?: number
  idleLimit?: number
  /** MB. */
  memory?: number
  maxTurns?: number
  /** Of the whole run, as maxCost. */
  maxTokens?: number
  maxCost?: number
  repo?: string
  interactive?: boolean
  validate?: string[]
  /** With commas. */
  labels?: string
}

/** The driver that runs any program. */
const COMMAND = 'command'
/** The driver that speaks the Agent Client Protocol with any program that knows it. */
const ACP = 'acp'
const TAKES_PROGRAM = [COMMAND, ACP]

/**
 * What `orch run` was asked to do.
 * @throws OrchError E_USAGE (nothing, or two things at once), E_INVALID, E_NOT_FOUND
 */
export async function readTasks(cli: Cli, words: string[], options: RunOptions): Promise<NewTaskRequest[]> {
  const common = fields(options)
  expectAgent(options.agent, cli.program)
  const program = TAKES_PROGRAM.includes(options.agent ?? '') ? cli.program : []
  // Behind `--` a text may begin with a dash.
  const text = program.length > 0 ? words : [...words, ...cli.program]
  if (options.file !== undefined) return await fromFile(cli, options.file, common, [...text, ...program])
  if (program.length > 0 && options.agent === COMMAND)
    return [{ ...programTask(program), ...common, ...described(await givenText(cli, text)) }]
  if (program.length === 0 && TAKES_PROGRAM.includes(options.agent ?? ''))
    throw new OrchError('E_USAGE', `--agent ${options.agent} needs a program`, {
      fix: `orch run --agent ${options.agent} -- PROGRAM ARGS`,
    })
  const piped = text.length === 0 && !cli.world.environment.stdinTty
  const description = await givenText(cli, piped ? ['-'] : text)
  if (!description?.trim())
    throw new OrchError('E_USAGE', 'there is no task', { fix: 'orch run "Fix the failing tests"' })
  return [{ description, ...common, ...(program.length > 0 && { argv: program }) }]
}

/** The daemon knows which agent programs there are; a program behind `--` says which one was meant. */
function expectAgent(agent: string | undefined, program: string[]): void {
  if (!agent || TAKES_PROGRAM.includes(agent) || program.length === 0) return
  const meant = nearest(agent, TAKES_PROGRAM)
  if (!meant) return
  throw new OrchError('E_USAGE', `there is no agent ${oneLine(agent, 40)}; did you mean ${meant}?`, {
    fix: `orch run --agent ${meant} -- PROGRAM ARGS`,
  })
}

async function fromFile(cli: Cli, file: string, common: Partial<NewTaskRequest>, others: string[]) {
  if (others.length > 0)
    throw new OrchError('E_USAGE', 'tasks come from --file or from the command line, not both')
  const [{ parseTasks }, input] = await Promise.all([import('../tasks-file.ts'), readInput(file, cli.world)])
  return parseTasks(input, common)
}

/** The words, or standard input for `-`; undefined when there are none. */
async function givenText(cli: Cli, words: string[]): Promise<string | undefined> {
  if (words.length === 1 && words[0] === '-') return (await readInput('-', cli.world)).text
  return words.length > 0 ? words.join(' ') : undefined
}

function programTask(argv: string[]): NewTaskRequest {
  const line = argv.join(' ')
  return { description: line, title: oneLine(line, 72) || 'Task', argv }
}

const described = (description: string | undefined) => (description ? { description } : {})

function fields(options: RunOptions): Partial<NewTaskRequest> {
  const { base, title, profile, model, forge, runtime, publish, tries, priority, interactive, validate } =
    options
  const all = { base, title, profile, model, forge, runtime, publish, tries, priority, interactive, validate }
  const { memory, idleLimit, maxTurns } = options
  const limits = given({ memoryMegabytes: memory, idleMinutes: idleLimit, turns: maxTurns })
  const labels = options.labels?.split(',').map((label) => label.trim())
  return given({ ...all, labels, driver: options.agent, wallMinutes: options.timeLimit, limits })
}

/** What the run may take as a whole. */
export function runLimits({ maxTokens, maxCost }: RunOptions): Pick<SubmitRequest, 'limits'> {
  return given({ limits: given({ tokens: maxTokens, costUsd: maxCost }) })
}

/** Only what was given; an object with nothing in it was not. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const isGiven = (value: unknown) =>
    value !== undefined && (typeof value !== 'object' || Object.keys(value ?? {}).length > 0)
  const entries = Object.entries(fields).filter(([, value]) => isGiven(value))
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}
