import { type ChildProcess, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Paths, pathsIn } from '../../src/config/paths.ts'
import { type Env, exec } from '../../src/exec.ts'
import { nothingLeft } from './leftovers.ts'
import { until } from './orch.ts'
import { storeSettings } from './store-choice.ts'
import { temporaryDirectory } from './temporary.ts'

/** The program as people have it: `bin/orch` over the compiled dist, as processes of their own. */

export const bin = fileURLToPath(new URL('../../bin', import.meta.url))
const ORCH = join(bin, 'orch')

export interface Ran {
  code: number | null
  killedBy: NodeJS.Signals | null
  out: string
  err: string
}

export interface RunOptions {
  cwd?: string
  env?: Record<string, string>
  input?: string
  /** What stands before `orch`: `unshare -n`, `tmux … new-session`. */
  before?: string[]
}

/** A program that runs, and what it printed so far. */
export interface Running {
  child: ChildProcess
  out(): string
  err(): string
  /** Waits until standard output holds this. */
  shows(text: string | RegExp, withinMs?: number): Promise<void>
  ended: Promise<Ran>
}

/** As docs/json.md says; tests look into it as a program in any language would. */
// biome-ignore lint/suspicious/noExplicitAny: its schema is tested where it is made
export type Document = any

export interface Program {
  env: Env
  paths: Paths
  /** Runs `orch` to its end. */
  orch(argv: string[], options?: RunOptions): Promise<Ran>
  /** Runs it and gives its JSON document. Fails when it fails. */
  json(argv: string[], options?: RunOptions): Promise<Document>
  start(argv: string[], options?: RunOptions): Running
  /** Process id of the daemon; it is started when none is there. */
  daemon(): Promise<number>
  close(): Promise<void>
}

/** A state directory, home and configuration of its own. Call `close` after the tests. */
export function makeProgram(settings: Record<string, string> = {}): Program {
  const parent = temporaryDirectory('orch-cli')
  const paths = pathsIn(join(parent, 's'))
  const env: Env = {
    PATH: process.env.PATH ?? '',
    HOME: join(parent, 'home'),
    // compiled once for all tests, as it is for a person after the first use
    XDG_CACHE_HOME: join(bin, '../node_modules/.cache'),
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    TERM: 'xterm-256color',
    USER: 'sam',
    ORCH_STATE_DIR: paths.state,
    ORCH_BACKOFF_SECONDS: '0.2',
    ORCH_GRACE_SECONDS: '1',
    ORCH_TRIES: '1',
    ...storeSettings(paths.state),
    ...settings,
  }
  const running = new Set<Running>()

  const start = (argv: string[], { cwd = parent, env: more = {}, input, before = [] }: RunOptions = {}) => {
    const [file = ORCH, ...args] = [...before, ORCH, ...argv]
    const child = spawn(file, args, { cwd, env: { ...env, ...more }, stdio: 'pipe' })
    const text = { out: '', err: '' }
    child.stdout.setEncoding('utf8').on('data', (piece) => (text.out += piece))
    child.stderr.setEncoding('utf8').on('data', (piece) => (text.err += piece))
    child.stdin.on('error', () => {}) // it did not want its input
    child.stdin.end(input)
    const ended = new Promise<Ran>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, killedBy) => resolve({ code, killedBy, ...text }))
    })
    const one: Running = {
      child,
      out: () => text.out,
      err: () => text.err,
      ended,
      shows: async (wanted, withinMs = 60_000) => {
        const there = () => (typeof wanted === 'string' ? text.out.includes(wanted) : wanted.test(text.out))
        await until(
          `orch ${argv.join(' ')} shows ${wanted}; it shows ${text.out}${text.err}`,
          there,
          withinMs,
        )
      },
    }
    running.add(one)
    void ended.finally(() => running.delete(one)).catch(() => {})
    return one
  }
  const orch = (argv: string[], options?: RunOptions) => start(argv, options).ended
  const json = async (argv: string[], options?: RunOptions) => {
    const { code, out, err } = await orch([...argv, '--json'], options)
    if (code !== 0) throw new Error(`orch ${argv.join(' ')} ended with ${code}: ${err}`)
    return JSON.parse(out)
  }
  return {
    env,
    paths,
    orch,
    json,
    start,
    daemon: async () => (await json(['start'])).pid,
    async close() {
      for (const { child } of running) child.kill('SIGKILL')
      await orch(['stop', '--agents'])
      await exec(['tmux', '-S', paths.tmuxSocket, 'kill-server'], { env }).catch(() => {})
      try {
        await nothingLeft(parent)
      } finally {
        await rm(parent, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
      }
    },
  }
}

/** What stands behind `--agent command --`: a small agent that prints, works `seconds` and leaves a file. */
export const works = (file: string, seconds = 0): string[] => [
  'sh',
  '-c',
  `echo begun; sleep ${seconds}; echo text >${file}; echo finished`,
]
