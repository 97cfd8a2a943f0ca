import { existsSync } from 'node:fs'
import { deserializeMessage, serializeMessage, type Transport } from '@modelcontextprotocol/client'
import type { Clock } from '../clock.ts'
import { type Argv, type Env, signalGroup, type spawnPiped } from '../exec.ts'
import { endAsked, marks, type Started } from './leftovers.ts'
import { type Link, MOST_BYTES, TOO_MUCH } from './link.ts'

/**
 * An MCP server as a child process: one JSON message a line
 * (https://modelcontextprotocol.io/specification/2025-06-18/basic/transports#stdio). The SDK's own transport starts
 * processes by itself, and ends the server but not what the server started.
 */

export interface StdioDeps extends Started {
  spawnPiped: typeof spawnPiped
  clock: Clock
}

export interface StdioCommand {
  argv: Argv
  env: Env
  cwd: string
  /** Value of the variable that marks what the server started, whatever session it is in. */
  mark: string
}

/** What it gets between the end of its input, TERM and KILL, in ms. */
const PATIENCE_MS = 500
/** How long it may take to end by KILL; one that runs as another user does not. */
const KILL_MS = 5_000
const KEPT_OF_STDERR = 16 * 1024

type Child = ReturnType<typeof spawnPiped>

export function openStdio(deps: StdioDeps, command: StdioCommand): Link {
  const state = createState()
  let child: Child | undefined
  const closed = once(() => transport.onclose?.())
  const transport: Transport = {
    start: () => {
      const env = { ...command.env, ...marks(deps, command.mark) }
      child = deps.spawnPiped(command.argv, { cwd: command.cwd, env, ownGroup: true })
      listen(child, transport, { state, closed, clock: deps.clock })
      return started(child, (error) => {
        state.fault ??= startFault(command, error)
      })
    },
    send: async (message) => void child?.stdin.write(serializeMessage(message)),
    close: async () => closed(),
  }
  return {
    transport,
    fault: state.told,
    said: state.said,
    async end() {
      if (child?.pid !== undefined) await endProcess(deps, child, command.mark)
    },
  }
}

function started(child: Child, failed: (error: Error) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    child.on('spawn', resolve)
    child.on('error', (error) => {
      failed(error)
      reject(error)
    })
  })
}

function listen(
  child: Child,
  transport: Transport,
  { state, closed, clock }: { state: ReturnType<typeof createState>; closed: () => void; clock: Clock },
): void {
  child.on('close', closed)
  child.on('exit', (code, signal) => {
    state.exited(code === null ? `by ${signal}` : `with status ${code}`)
    void clock.sleep(PATIENCE_MS).then(closed) // what it started may hold its output open
  })
  child.stdin.on('error', () => {}) // EPIPE: its end is told by `exit`
  child.stderr.on('data', state.heard)
  readLines(child.stdout, {
    line: (line) => deliver(transport, line),
    tooMuch: () => {
      state.fault ??= TOO_MUCH
      closed()
    },
  })
}

function startFault({ argv: [program], cwd }: StdioCommand, error: NodeJS.ErrnoException): string {
  const why = existsSync(cwd) ? (error.code ?? error.message) : `there is no directory ${cwd}`
  return `${program} cannot be started: ${why}`
}

function once(call: () => void): () => void {
  let done = false
  return () => {
    if (!done) call()
    done = true
  }
}

function createState() {
  const stderr: Buffer[] = []
  let held = 0
  const state = {
    fault: undefined as string | undefined,
    end: undefined as string | undefined,
    exited: (how: string) => {
      state.end = how
    },
    heard: (chunk: Buffer) => {
      stderr.push(chunk)
      held += chunk.length
      while (held - (stderr[0]?.length ?? 0) >= KEPT_OF_STDERR) held -= stderr.shift()?.length ?? 0
    },
    said: () => lastLine(Buffer.concat(stderr).toString('utf8')) || undefined,
    told: (): string | undefined => {
      if (state.fault || !state.end) return state.fault
      const said = state.said()
      return `it ended ${state.end}${said ? `: ${said}` : ''}`
    },
  }
  return state
}

/** The last line that says something. A first line of many may be cut in two, and with it a secret: it is not told. */
function lastLine(text: string): string {
  const whole = text.length < KEPT_OF_STDERR ? text : text.slice(text.indexOf('\n') + 1 || text.length)
  return whole.trim().split('\n').at(-1)?.trim() ?? ''
}

/** Lines that are no message are noise: some servers greet on standard output. */
function deliver(transport: Transport, line: string): void {
  let message: ReturnType<typeof deserializeMessage>
  try {
    message = deserializeMessage(line)
  } catch {
    return
  }
  transport.onmessage?.(message)
}

function readLines(stream: NodeJS.ReadableStream, to: { line(line: string): void; tooMuch(): void }): void {
  let rest: Buffer[] = []
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    if (bytes > MOST_BYTES) return
    bytes += chunk.length
    if (bytes > MOST_BYTES) return to.tooMuch()
    let from = 0
    for (let at = chunk.indexOf(10); at !== -1; from = at + 1, at = chunk.indexOf(10, from)) {
      to.line(Buffer.concat([...rest, chunk.subarray(from, at)]).toString('utf8'))
      rest = []
    }
    rest.push(chunk.subarray(from))
  })
}

/** The end of its input, TERM, KILL; then what it started: its group and, by the mark, who left the group. */
async function endProcess(deps: StdioDeps, child: Child, mark: string): Promise<void> {
  const gone = () => child.exitCode !== null || child.signalCode !== null
  const exited = new Promise<void>((resolve) => (gone() ? resolve() : child.once('exit', () => resolve())))
  const within = async (ms: number) => {
    const over = new AbortController()
    await Promise.race([exited, deps.clock.sleep(ms, over.signal)])
    over.abort()
  }
  child.stdin.end()
  if (!gone()) await within(PATIENCE_MS)
  if (!gone()) {
    signalGroup(child.pid, 'SIGTERM')
    await within(PATIENCE_MS)
  }
  signalGroup(child.pid, 'SIGKILL')
  await within(KILL_MS)
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy()
  await endAsked(deps, mark)
}
