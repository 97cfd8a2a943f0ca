import { type ChildProcess, type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { OrchError } from './errors.ts'

/** The only file that starts processes: argv arrays, never a shell string; each child leads its own process group. */

export type Argv = readonly [program: string, ...args: string[]]
export type Env = Readonly<Record<string, string>>

export interface ExecOptions {
  cwd?: string
  /** The whole environment of the child; nothing is inherited. */
  env: Env
  /** Bytes for standard input; without it standard input is empty. */
  input?: string | Uint8Array
  /** After this many ms the group gets TERM, `graceMs` later KILL. Default 60,000. */
  timeoutMs?: number
  graceMs?: number
  /** What is kept of each of stdout and stderr, in bytes; the rest is read and dropped. Default 64 MiB. */
  maxBytes?: number
  /** Which part is kept when there is more. Default `first`. */
  keep?: 'first' | 'last'
  /** Ends what is left of the process group, by KILL, as soon as the program itself has ended. */
  sweep?: boolean
  signal?: AbortSignal
}

export interface ExecResult {
  /** Exit code; null when a signal ended it. */
  code: number | null
  killedBy: NodeJS.Signals | null
  stdout: string
  stderr: string
  timedOut: boolean
  truncated: boolean
}

export type Exec = (argv: Argv, options: ExecOptions) => Promise<ExecResult>

/**
 * Runs a program to its end. A non-zero exit is a result, not an error.
 * @throws OrchError E_PROGRAM_MISSING when the program is not there.
 */
export const exec: Exec = async (argv, options) => {
  const child = spawnPiped(argv, { cwd: options.cwd, env: options.env, ownGroup: true })
  const limit = options.maxBytes ?? 64 * 1024 * 1024
  const gather = options.keep === 'last' ? collectLast : collect
  const stdout = gather(child.stdout, limit)
  const stderr = gather(child.stderr, limit)
  child.stdin.on('error', () => {}) // EPIPE: the program did not want all of its input
  child.stdin.end(options.input)
  const { timedOut } = await ended(child, argv[0], options)
  for (const stream of [child.stdout, child.stderr]) stream.destroy()
  const { exitCode: code, signalCode: killedBy } = child
  const truncated = stdout.truncated || stderr.truncated
  return { code, killedBy, stdout: stdout.text(), stderr: stderr.text(), timedOut, truncated }
}

/**
 * Waits for the end of a program and of its output. What it left in another session may hold its pipes open, and what hangs
 * in the kernel or is another user's does not end by KILL: neither is waited for longer than `graceMs`.
 */
function ended(child: ChildProcess, program: string, options: ExecOptions): Promise<{ timedOut: boolean }> {
  const { graceMs = 2_000, signal } = options
  const { promise, resolve, reject } = Promise.withResolvers<{ timedOut: boolean }>()
  let timedOut = false
  let held: NodeJS.Timeout | undefined
  const settle = () => {
    for (const timer of [ladder, held]) clearTimeout(timer)
    signal?.removeEventListener('abort', end)
    resolve({ timedOut })
  }
  // What was in the pipes at that moment is read first, however late we are.
  const settleSoon = () => setImmediate(settle)
  const kill = () => {
    signalGroup(child.pid, 'SIGKILL')
    ladder = setTimeout(settleSoon, graceMs)
  }
  const end = () => {
    clearTimeout(ladder)
    signalGroup(child.pid, 'SIGTERM')
    ladder = setTimeout(kill, graceMs)
  }
  let ladder = setTimeout(() => {
    timedOut = true
    end()
  }, options.timeoutMs ?? 60_000)
  signal?.addEventListener('abort', end, { once: true })
  if (signal?.aborted) end() // it tells nobody who comes later
  child.on('error', (error) => {
    reject(startError(program, options.cwd, error))
    settle()
  })
  child.on('exit', () => {
    if (options.sweep) signalGroup(child.pid, 'SIGKILL')
    held = setTimeout(settleSoon, graceMs)
  })
  child.on('close', settle)
  return promise
}

function startError(program: string, cwd: string | undefined, cause: Error): OrchError {
  const code = (cause as NodeJS.ErrnoException).code
  if (code !== 'ENOENT' && code !== 'EACCES')
    return new OrchError('E_INTERNAL', `${program}: ${cause.message}`, { cause })
  if (cwd && !existsSync(cwd))
    return new OrchError('E_WORKSPACE', `cannot start ${program} in ${cwd}: there is no such directory`, {
      cause,
    })
  const where = cwd ? ` (in ${cwd})` : ''
  return new OrchError('E_PROGRAM_MISSING', `cannot start ${program}${where}: ${code}`, {
    cause,
    details: { program },
  })
}

function collect(stream: NodeJS.ReadableStream, limit: number) {
  const chunks: Buffer[] = []
  let kept = 0
  const state = { truncated: false, text: () => Buffer.concat(chunks).toString('utf8') }
  stream.on('data', (chunk: Buffer) => {
    const room = limit - kept
    if (chunk.length > room) state.truncated = true
    if (room <= 0) return
    chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
    kept += Math.min(room, chunk.length)
  })
  return state
}

function collectLast(stream: NodeJS.ReadableStream, limit: number) {
  let chunks: Buffer[] = []
  let held = 0
  const last = () => Buffer.concat(chunks).subarray(-limit)
  const state = { truncated: false, text: () => last().toString('utf8') }
  stream.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    held += chunk.length
    if (held > limit) state.truncated = true
    if (held <= 2 * limit) return
    chunks = [Buffer.from(last())]
    held = limit
  })
  return state
}

/** Sends a signal to a whole process group. One that is gone already, or not ours to end, is no error. Never signals group 0 or 1. */
export function signalGroup(group: number | undefined, signal: NodeJS.Signals): void {
  if (group !== undefined && group > 1) sendSignal(-group, signal)
}

/** Sends a signal to one process. One that is gone already, or not ours to end, is no error. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  if (pid > 1) sendSignal(pid, signal)
}

/** Who sends one looks afterwards who is left: an error in a timer or listener would end the daemon. */
function sendSignal(target: number, signal: NodeJS.Signals): void {
  try {
    process.kill(target, signal)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ESRCH' && code !== 'EPERM') throw error
  }
}

/**
 * Starts a program that we talk to over pipes for as long as both live (tmux's control mode, MCP servers). With `ownGroup`
 * it leads a process group, so that all it starts can be ended with it.
 * @throws OrchError E_INTERNAL when there are no descriptors left for the pipes; what else keeps it from starting is the child's `error`.
 */
export function spawnPiped(
  argv: Argv,
  options: { cwd?: string; env: Env; ownGroup?: boolean },
): ChildProcessWithoutNullStreams {
  const [program, ...args] = argv
  const { cwd, env, ownGroup: detached = false } = options
  const child = spawn(program, args, { cwd, env, detached, stdio: 'pipe' })
  if (child.stdin) return child
  child.on('error', () => {}) // comes later, with the same words
  throw startError(program, cwd, new Error('EMFILE: no descriptors left'))
}

/** Starts a program in a session of its own that outlives us; its output goes to the open files given. */
export function spawnDetached(
  argv: Argv,
  options: { cwd?: string; env: Env; stdout?: number; stderr?: number },
): ChildProcess {
  const [program, ...args] = argv
  const stdio = ['ignore', options.stdout ?? 'ignore', options.stderr ?? 'ignore'] as const
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: [...stdio],
  })
  child.unref()
  return child
}

/** Runs a program on the person's own terminal and gives its exit code (attach, the daemon). Who ends us ends it. */
export function spawnForeground(argv: Argv, options: { cwd?: string; env: Env }): Promise<number> {
  const [program, ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: 'inherit' })
    const end = () => child.kill('SIGTERM')
    process.on('SIGTERM', end)
    child.on('error', (error) => reject(startError(program, options.cwd, error)))
    child.on('close', (code) => {
      process.off('SIGTERM', end)
      resolve(code ?? 1)
    })
  })
}
