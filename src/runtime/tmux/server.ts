import { chmod, mkdir } from 'node:fs/promises'
import { createConnection as connectTo } from 'node:net'
import { dirname } from 'node:path'
import type { Clock } from '../../clock.ts'
import { OrchError } from '../../errors.ts'
import { type Argv, type Env, type Exec, signalProcess, type spawnPiped } from '../../exec.ts'
import type { Log } from '../../log.ts'
import { writeWhole } from '../whole-file.ts'
import { TMUX_CONFIG } from './config.ts'
import { type Connection, ConnectionLost, createConnection } from './connection.ts'
import { checkTmuxVersion } from './version.ts'

export interface TmuxDeps {
  /** Socket of the private server; its directory is made 0700. */
  socket: string
  /** Where the server's configuration is written. */
  configFile: string
  /** Where the attempt directories are; sessions start there. */
  root: string
  exec: Exec
  spawnPiped: typeof spawnPiped
  /** The environment of the server and of the shims; the agent's own is in its specification. */
  env: Env
  clock: Clock
  log: Log
}

/** The private tmux server behind one control-mode connection, made when it is first needed and again when it was lost. */
export interface TmuxServer {
  /** Runs one tmux command. Must be safe to repeat: it is, when the connection goes in the middle. */
  run(...command: string[]): Promise<string[]>
  onLost(listener: () => void): () => void
  /** Calls `listener` when a client came to a session or left one, and when that may have been missed. */
  onClients(listener: () => void): () => void
  /** Lets go of the connection; with `end` the server ends too if `mayEnd` agrees with the names of its sessions. */
  stop(mayEnd: ((sessions: string[]) => boolean) | undefined): Promise<void>
}

/** The session that holds our connection; no agent can have this name. */
export const KEEPER = 'orch_keeper'
/** A socket address holds no more bytes (sun_path). */
const MAX_SOCKET = 100
/** How long a server may take to end, in ms. */
const ENDING_MS = 500

/** What tmux tells of clients; before 3.3 it does not tell that one has left. */
const CLIENTS = /^%client-(session-changed|detached) /

interface Link extends Connection {
  /** Process of the server. */
  server: string
}

export function createTmuxServer(deps: TmuxDeps): TmuxServer {
  const { clock, log } = deps
  const env = withoutTmux(deps.env)
  const tmux = (...args: string[]): Argv => ['tmux', '-S', deps.socket, '-f', deps.configFile, ...args]
  const lost = createListeners()
  const clients = createListeners()
  let link: Promise<Link> | undefined
  let stopping = false
  let stops = 0
  /** Two connections to one server may find it gone, when the first was lost just before. */
  let lostServer: string | undefined

  const connected = () => {
    link ??= connect().catch((error) => {
      link = undefined
      throw error
    })
    return link
  }

  const connect = async (): Promise<Link> => {
    await prepare(deps, env)
    const keeper = ['-C', 'new-session', '-A', '-s', KEEPER, 'exec cat']
    const client = deps.spawnPiped(tmux(...keeper), { cwd: deps.root, env })
    const connection = createConnection(client, clock, (told) => CLIENTS.test(told) && clients.call())
    const [server = ''] = await connection.run('display-message', '-p', '#{pid}')
    const made = { ...connection, server }
    await evictLeftovers(made)
    connection.closed.then(() => gone(made))
    log.debug('connected to tmux', { server })
    clients.call()
    return made
  }

  /** Only the client may have been killed: the server is lost when it does not answer under its old process id. */
  const gone = async ({ server }: Link) => {
    link = undefined
    if (stopping) return
    const before = stops
    const asked = deps.exec(tmux('display-message', '-p', '#{pid}'), { env, timeoutMs: 5_000 })
    const answer = await asked.catch(() => undefined)
    if (stops !== before) return // nobody would let go of another connection
    const alive = answer !== undefined && (answer.timedOut || answer.stdout.trim() === server)
    log.warn(alive ? 'the connection to tmux was lost' : 'the tmux server is gone', { server })
    if (alive) await connected().catch((error) => log.error('tmux cannot be reached', { error }))
    else if (server !== lostServer) {
      lostServer = server
      lost.call()
    }
  }

  const run = async (...command: string[]) => {
    try {
      return await (await connected()).run(...command)
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
      return (await connected()).run(...command)
    }
  }

  /**
   * A server that is told to end waits for all its clients to leave, and answers nobody meanwhile: one that hangs would
   * keep it for good. Its sessions are over by then.
   */
  const endServer = async (mayEnd: (sessions: string[]) => boolean) => {
    const names = await deps.exec(tmux('list-sessions', '-F', '#{session_name}'), { env })
    if (names.code !== 0 || !mayEnd(names.stdout.split('\n').filter(Boolean))) return
    const { stdout: pid } = await deps.exec(tmux('display-message', '-p', '#{pid}'), { env })
    await deps.exec(tmux('kill-server'), { env })
    const deadline = clock.now() + ENDING_MS
    while (await isListening(deps.socket)) {
      if (clock.now() > deadline) return signalProcess(Number(pid), 'SIGKILL')
      await clock.sleep(10)
    }
  }

  return {
    run,
    onLost: lost.add,
    onClients: clients.add,
    stop: async (mayEnd) => {
      stopping = true
      stops++
      const open = await link?.catch(() => undefined)
      if (mayEnd) await endServer(mayEnd)
      await open?.close()
      link = undefined
      stopping = false
    },
  }
}

async function prepare(deps: TmuxDeps, env: Env): Promise<void> {
  if (Buffer.byteLength(deps.socket) > MAX_SOCKET)
    throw new OrchError('E_STATE_DIR', `${deps.socket} is too long for a socket (${MAX_SOCKET} bytes)`)
  await checkTmuxVersion(deps.exec, env)
  const directory = dirname(deps.socket)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  await chmod(directory, 0o700)
  await mkdir(deps.root, { recursive: true, mode: 0o700 })
  await writeWhole(deps.configFile, TMUX_CONFIG)
}

/**
 * The store's lock says who is the daemon: another connection to the keeper is what a killed daemon left behind. tmux
 * cannot send it away while it holds words that nobody reads any more, so its process is ended. A person is sent away.
 */
async function evictLeftovers(link: Link): Promise<void> {
  const format = '#{client_pid} #{client_control_mode} #{client_name}'
  for (const client of await link.run('list-clients', '-t', `=${KEEPER}:`, '-F', format)) {
    const [pid, isConnection, name] = client.split(' ')
    if (!name || pid === String(link.pid)) continue
    if (isConnection === '1') signalProcess(Number(pid), 'SIGKILL')
    else await link.run('detach-client', '-t', name).catch(() => {})
  }
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTo({ path })
    socket.on('error', () => resolve(false))
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

function createListeners() {
  const listeners = new Set<() => void>()
  return {
    add: (listener: () => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    call: () => {
      for (const listener of listeners) listener()
    },
  }
}

function withoutTmux(env: Env): Env {
  const { TMUX, TMUX_PANE, ...rest } = env
  return rest
}
