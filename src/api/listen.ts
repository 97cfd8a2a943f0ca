import type { IncomingMessage, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import type { Hono } from 'hono'
import { OrchError } from '../errors.ts'
import type { Lines } from './line-server.ts'
import { LINES_PATH, LINES_PROTOCOL } from './route-table.ts'

/** HTTP servers of the daemon: made, bound, and let go of. */

/** Who sends slowly, or nothing, is cut off; how long an answer takes is not limited. In ms. */
export const LIMITS = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 1_000 }

/** A server that does not listen yet. Who asks for lines where there are none is answered as by HTTP: no such path. */
export function createServer(app: Hono, limits = LIMITS, lines?: Lines): Server {
  const shouldUpgradeCallback = (request: IncomingMessage) => lines !== undefined && asksForLines(request)
  const serverOptions = { ...limits, shouldUpgradeCallback }
  const server = createAdaptorServer({ fetch: app.fetch, hostname: 'orchd', serverOptions }) as Server
  if (lines) server.on('upgrade', (_, socket, head) => lines.take(socket, head))
  return server
}

const asksForLines = ({ method, url, headers }: IncomingMessage) =>
  method === 'GET' && url === LINES_PATH && headers.upgrade?.toLowerCase() === LINES_PROTOCOL

/** The port that a listening server answers on. */
export const portOf = (server: Server): number => (server.address() as AddressInfo).port

/** @throws OrchError E_DAEMON when the address is taken. */
export function listen(server: Server, at: { path: string } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) => {
      const where = 'path' in at ? at.path : `port ${at.port}`
      reject(new OrchError('E_DAEMON', `cannot listen on ${where}: ${cause.message}`, { cause }))
    }
    server.once('error', fail)
    server.listen(at, () => {
      server.off('error', fail)
      resolve()
    })
  })
}

/** Takes no more requests, gives those under way `graceMs` to end, then cuts them off. */
export function closeServer(server: Server, graceMs: number, lines?: Lines): Promise<void> {
  return new Promise((resolve) => {
    // A connection that is kept alive counts as idle only after its answer: so look again.
    const idle = setInterval(() => server.closeIdleConnections(), 20)
    const cut = setTimeout(() => {
      server.closeAllConnections()
      lines?.cut()
    }, graceMs)
    lines?.end()
    server.close(() => {
      clearInterval(idle)
      clearTimeout(cut)
      resolve()
    })
    server.closeIdleConnections()
  })
}
