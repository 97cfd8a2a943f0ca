import { onTestFinished } from 'vitest'
import type { Handlers, RunView, TaskDetail, TaskView } from '../../src/api/contract.ts'
import { createLines } from '../../src/api/line-server.ts'
import { serve } from '../../src/api/serve.ts'
import { createApi } from '../../src/api/server.ts'
import { prepareStateDirectory } from '../../src/api/state-directory.ts'
import { packageVersion } from '../../src/api/version.ts'
import { runCommandLine } from '../../src/cli/program.ts'
import type { World } from '../../src/cli/world.ts'
import { type Clock, systemClock } from '../../src/clock.ts'
import { pathsIn } from '../../src/config/paths.ts'
import { silentLog } from '../../src/log.ts'
import type { Journal } from '../../src/store/store.ts'
import { handlersFor } from './daemon-handlers.ts'
import { openTableJournal } from './table-journal.ts'
import { temporaryDirectory } from './temporary.ts'

/** The command line in this process, before a real API server whose handlers a test gives. */

export interface Screen {
  code: number
  out: string
  err: string
}

export interface Given {
  state?: string
  env?: Record<string, string>
  cwd?: string
  stdin?: string | Uint8Array
  stdinTty?: boolean
  stdoutTty?: boolean
  columns?: number
  rows?: number
  platform?: NodeJS.Platform
  clock?: Clock
  /** Is given the function that presses Ctrl-C, when the command listens for it. */
  interrupts?: (press: () => void) => void
  /** Is given each piece of standard output as it comes. */
  sees?: (text: string) => void
}

/** Runs one command line and gives what a person would see. */
export async function orch(argv: string[], given: Given = {}): Promise<Screen> {
  const screen = { out: '', err: '' }
  const code = await runCommandLine(argv, worldOf(given, screen))
  return { code, ...screen }
}

export function worldOf(given: Given, screen: { out: string; err: string }): World {
  const home = given.state ?? '/nonexistent'
  const { stdinTty = true, stdoutTty = false } = given
  return {
    environment: {
      env: {
        PATH: process.env.PATH ?? '',
        ORCH_STATE_DIR: home,
        ORCH_CONFIG: `${home}/config.yaml`,
        ...given.env,
      },
      home,
      cwd: given.cwd ?? '/',
      stdinTty,
      stdoutTty,
    },
    out: (text) => {
      screen.out += text
      given.sees?.(text)
    },
    err: (text) => {
      screen.err += text
    },
    stdin: (async function* () {
      if (given.stdin !== undefined) yield Buffer.from(given.stdin)
    })(),
    size: () => ({ columns: given.columns ?? 100, rows: given.rows ?? 30 }),
    clock: given.clock ?? systemClock,
    platform: given.platform ?? 'linux',
    onInterrupt: (listener) => {
      given.interrupts?.(listener)
      return () => {}
    },
  }
}

/** More than any system gives: the process of this daemon is gone already. */
const NO_PID = 2 ** 30
const health: Handlers['health'] = async () => ({ ok: true, version: packageVersion(), pid: NO_PID })

/** A daemon's API on the socket of a state directory, one of its own unless given, ended after the test. */
export async function fakeDaemon(
  handlers: Partial<Handlers> = {},
  state = temporaryDirectory('oc'),
  journal: Journal = openTableJournal(':memory:'),
) {
  const paths = pathsIn(state)
  await prepareStateDirectory(paths)
  const ending = new AbortController()
  const given = handlersFor({ health, ...handlers })
  const answering = { handlers: given, log: silentLog, ending: ending.signal, checkAnswers: true }
  const api = createApi({ ...answering, journal })
  const served = await serve({ api, lines: createLines(answering), paths })
  const close = async () => {
    ending.abort()
    await served.close(0)
  }
  onTestFinished(close)
  return { state, paths, journal, close }
}

const at = '2026-01-02T03:04:05.000Z'
const usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  turns: 0,
  toolCalls: 0,
}

export function taskView(given: Partial<TaskView> = {}): TaskView {
  return {
    id: 't-aaaa00000001',
    runId: 'r-aaaa00000001',
    repo: '/repo',
    title: 'Fix the tests',
    state: 'working',
    driver: 'command',
    profile: 'general',
    base: 'main',
    branch: 'orch/fix-the-tests',
    forge: 'local',
    runtime: 'process',
    priority: 0,
    attempt: 1,
    tries: 3,
    used: 0,
    usage,
    createdAt: at,
    updatedAt: at,
    ...given,
  }
}

export function taskDetail(given: Partial<TaskDetail> = {}): TaskDetail {
  return { ...taskView(given), description: 'Fix the failing tests', attempts: [], ...given }
}

export function runView(tasks: TaskView[]): RunView {
  return { id: 'r-aaaa00000001', repo: '/repo', createdAt: at, tasks }
}
