import { chmod, rm, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { Hono } from 'hono'
import type { Paths } from '../config/paths.ts'
import { guard } from './guard.ts'
import type { Lines } from './line-server.ts'
import { closeServer, createServer, LIMITS, listen, portOf } from './listen.ts'

export interface ServeOptions {
  api: Hono
  /** The same verbs for who asks for lines on the socket. */
  lines?: Lines
  paths: Pick<Paths, 'socket' | 'apiPort'>
  /** Answers on this loopback port too (0 = any free one), to who knows the token. */
  tcp?: { port: number; token: string }
  /** ms; for tests. */
  limits?: Partial<typeof LIMITS>
}

export interface Served {
  /** The loopback port, when there is one. */
  port: number | undefined
  /** Takes no more requests, gives those under way `graceMs` to end, then cuts them off. */
  close(graceMs: number): Promise<void>
}

/**
 * Answers on the Unix socket, and on loopback TCP when asked. Removes a socket file that was left behind: so only the
 * owner of the store may call it. The directory of the socket must be 0700 (see prepareStateDirectory).
 * @throws OrchError E_DAEMON when an address is taken.
 */
export async function serve({ api, lines, paths, tcp, limits }: ServeOptions): Promise<Served> {
  const options = { ...LIMITS, ...limits }
  // The socket comes last: who finds it finds the port too.
  const remote = tcp && (await serveTcp(api, tcp, options))
  const port = remote && portOf(remote)
  if (port) await writeFile(paths.apiPort, `${JSON.stringify({ port })}\n`, { mode: 0o600 })
  else await rm(paths.apiPort, { force: true })
  const local = createServer(api, options, lines)
  await rm(paths.socket, { force: true })
  await listen(local, { path: paths.socket }).catch((error) => {
    remote?.close()
    throw error
  })
  await chmod(paths.socket, 0o600)
  const servers = remote ? [local, remote] : [local]
  return {
    port,
    close: async (graceMs) => {
      await Promise.all(servers.map((server) => closeServer(server, graceMs, lines)))
      await rm(paths.apiPort, { force: true })
    },
  }
}

async function serveTcp(
  api: Hono,
  tcp: { port: number; token: string },
  limits: typeof LIMITS,
): Promise<Server> {
  const guarded = new Hono()
  const server = createServer(guarded, limits)
  guarded.use(guard({ token: tcp.token, port: () => portOf(server) }))
  guarded.mount('/', api.fetch)
  await listen(server, { host: '127.0.0.1', port: tcp.port })
  return server
}
