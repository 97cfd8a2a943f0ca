import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A real redis-server of a test's own, on a free port of loopback, in a directory of its own. */
export interface RedisServer {
  port: number
  url: string
  directory: string
  /** Starts it again on the same port and files. */
  start(): Promise<void>
  /** kill -9, or another signal; resolves when it has ended. */
  kill(signal?: NodeJS.Signals): Promise<void>
  pid(): number
  /** What redis-cli prints: `ask('config', 'set', 'maxmemory', '5mb')`. */
  ask(...args: string[]): Promise<string>
  /** Ends it and removes its files. */
  dispose(): Promise<void>
}

/** `args`: further settings, as on the command line of redis-server (`['--appendonly', 'yes']`). */
export async function startRedis(args: readonly string[] = [], port?: number): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'orch-redis-'))
  const own = port ?? (await freePort())
  let child: ChildProcess | undefined
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child?.once('exit', resolve))
    child.kill(signal)
    await ended
  }
  const start = async () => {
    const settings = ['--port', `${own}`, '--bind', '127.0.0.1', '--dir', directory, '--save', '']
    const policy = ['--maxmemory-policy', 'noeviction']
    child = spawnMortal(['redis-server', ...settings, ...policy, ...args])
    await answering(own, child).catch(async (error) => {
      await kill()
      throw error
    })
  }
  await start()
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    directory,
    start,
    kill,
    pid: () => child?.pid ?? 0,
    ask: (...args) => askRedis(own, ...args),
    async dispose() {
      await kill()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Ends with this process, however that ends, where the system can do so. */
export function spawnMortal(argv: readonly string[]): ChildProcess {
  const [program = '', ...args] = existsSync('/usr/bin/setpriv')
    ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', ...argv]
    : argv
  return spawn(program, args, { stdio: 'ignore' })
}

export async function askRedis(port: number, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('redis-cli', ['-p', `${port}`, ...args])
  return stdout.trim()
}

export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** Until it takes connections. */
export async function answering(port: number, child: ChildProcess): Promise<void> {
  for (const end = Date.now() + 10_000; ; ) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`)
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('close', () => {})
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    if (Date.now() > end) throw new Error('redis-server does not answer')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
