import { Client, SdkHttpError, type Transport } from '@modelcontextprotocol/client'
import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import { oneLine } from '../text.ts'
import { mcpFailure } from './failure.ts'
import type { Shown } from './fingerprint.ts'
import { openHttp } from './http.ts'
import type { Link } from './link.ts'
import type { McpServer } from './mcp-servers.ts'
import { openStdio, type StdioDeps } from './stdio.ts'
import { variablesOf, withoutSecrets } from './variables.ts'

/** Loaded only when a server is asked: the SDK and its schemas cost memory that a daemon without servers does not pay. */

export interface AskDeps extends StdioDeps {
  clock: Clock
  /** Ours, told to the server. */
  version: string
  /** What a server gets to start and list its tools, in ms. */
  limitMs: number
  uuid(): string
}

/**
 * Starts the server, or connects to it, and lists its tools.
 * @param env what the agent has; only what the declaration names is taken from it
 * @param cwd where a command is started
 * @throws OrchError E_MCP_FAILED with the reason, free of secrets
 */
export async function askServer(deps: AskDeps, server: McpServer, env: Env, cwd: string): Promise<Shown> {
  const variables = variablesOf(server, env)
  const deadline = new AbortController()
  const late = deps.clock.sleep(deps.limitMs, deadline.signal)
  const open = () => openLink(deps, server, variables, cwd)
  try {
    const shown = await tryOut(deps, open, late)
    if (!('failed' in shown)) return shown
    if (!shown.otherEra) throw shown.failed
    // It speaks, and knows no `initialize`: a server of 2026-07-28 or later. Servers of before may not survive its probe.
    const again = await tryOut(deps, open, late, '2026-07-28')
    if ('failed' in again) throw shown.failed
    return again
  } catch (error) {
    if (error instanceof OrchError) throw error
    const why = oneLine(withoutSecrets(server, env)((error as Error).message), 500)
    throw mcpFailure(server.name, why)
  } finally {
    deadline.abort()
  }
}

function openLink(deps: AskDeps, server: McpServer, env: Env, cwd: string): Link {
  if (!('command' in server)) return openHttp(deps, server, env)
  return openStdio(deps, { argv: server.command, env, cwd, mark: deps.uuid() })
}

interface Failed {
  failed: Error
  /** It answered `initialize` with an error of the protocol. */
  otherEra: boolean
}

async function tryOut(
  deps: AskDeps,
  open: () => Link,
  late: Promise<void>,
  pin?: string,
): Promise<Shown | Failed> {
  const link = open()
  const versionNegotiation = pin === undefined ? {} : { versionNegotiation: { mode: { pin } } }
  const client = new Client({ name: 'orch', version: deps.version }, versionNegotiation)
  let listening = false
  const listed = listTools(client, link.transport, deps.limitMs, () => {
    listening = true
  })
  const tooLate = late.then(() => {
    const said = link.said()
    throw new Error(
      `it did not list its tools within ${deps.limitMs / 1_000} s${said ? `; it said: ${said}` : ''}`,
    )
  })
  try {
    return await Promise.race([listed, tooLate])
  } catch (error) {
    listed.catch(() => {})
    const fault = link.fault()
    return { failed: fault ? new Error(fault) : (error as Error), otherEra: !listening && isRefusal(error) }
  } finally {
    tooLate.catch(() => {})
    await link.end()
    await client.close().catch(() => {})
  }
}

async function listTools(
  client: Client,
  transport: Transport,
  limitMs: number,
  connected: () => void,
): Promise<Shown> {
  // The SDK's own limit is a minute; ours is what counts.
  const options = { timeout: limitMs * 2 }
  await client.connect(transport, options)
  connected()
  const instructions = client.getInstructions()
  if (!client.getServerCapabilities()?.tools) return { instructions, tools: [] }
  const { tools } = await client.listTools(undefined, options)
  return { instructions, tools }
}

/** An answer that says no, in JSON-RPC or by HTTP; not an error of the connection. */
const isRefusal = (error: unknown): boolean =>
  typeof (error as { code?: unknown }).code === 'number' ||
  (error instanceof SdkHttpError && error.status === 400)
