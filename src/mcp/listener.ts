import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { Hono } from 'hono'
import { closeServer, createServer, listen, portOf } from '../api/listen.ts'
import type { Log } from '../log.ts'

/**
 * Where agents find Orch's MCP endpoint: a loopback port that stays the same over restarts, because agents that live on
 * hold its URL.
 */
export interface McpListener {
  /** Undefined while nothing listens. */
  url(): string | undefined
  /** The port it answers on; 0 while nothing listens. */
  port(): number
  /** Binds the port of last time; another one, with a warning, when that one is taken. Without any, agents do without MCP. */
  open(app: Hono): Promise<void>
  /** Gives calls under way `graceMs` to end. Safe to call twice. */
  close(graceMs: number): Promise<void>
}

/** Path of the endpoint. */
export const MCP_PATH = '/mcp'

/** @param file remembers the port: `{"port":N}`. Only the owner of the store opens the listener. */
export function createMcpListener({ file, log }: { file: string; log: Log }): McpListener {
  let server: Server | undefined
  const port = () => (server ? portOf(server) : 0)
  return {
    port,
    url: () => (server ? `http://127.0.0.1:${port()}${MCP_PATH}` : undefined),
    async open(app) {
      server = await bind(app, await remembered(file), log)
      if (server) await remember(file, port())
    },
    async close(graceMs) {
      const closing = server
      server = undefined
      if (closing) await closeServer(closing, graceMs)
    },
  }
}

async function bind(app: Hono, wanted: number, log: Log): Promise<Server | undefined> {
  const server = createServer(app)
  try {
    await listen(server, { host: '127.0.0.1', port: wanted })
    return server
  } catch (error) {
    if (wanted === 0) log.error('agents have no MCP endpoint', { error })
    else
      log.warn('another program took the port of the MCP endpoint: agents that run cannot call it', { error })
    return wanted === 0 ? undefined : bind(app, 0, log)
  }
}

/** The port of last time, 0 (= any free one) when there was none. */
async function remembered(file: string): Promise<number> {
  try {
    const { port } = JSON.parse(await readFile(file, 'utf8'))
    return Number.isInteger(port) && port > 1_023 && port < 65_536 ? port : 0
  } catch {
    return 0
  }
}

async function remember(file: string, port: number): Promise<void> {
  await writeFile(`${file}.new`, `${JSON.stringify({ port })}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}
