import { projectConfigFile } from '../config/load.ts'
import { OrchError, toOrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import { oneLine, plainText } from '../text.ts'
import type { Declared } from './declared.ts'
import { mcpFailure, whyOf } from './failure.ts'
import { declarationHash, difference, type Fingerprint, fingerprint, type Shown } from './fingerprint.ts'
import type { McpFinding } from './mcp-servers.ts'
import { isPinOf, type Pin, type PinKey } from './pins.ts'
import { withoutSecrets } from './variables.ts'

/** What is to be thought of a server: from its declaration, its pin and what it shows. */

export interface Judged {
  declared: Declared
  finding: McpFinding
  /** What it shows now, when it was asked and answered. */
  fingerprint?: Fingerprint
  /** Why it failed. */
  error?: OrchError
}

/** The pin of a repository's server belongs to that repository; one of the user's own holds everywhere. */
export const keyOf = ({ server: { name }, origin }: Declared, repo: string | undefined): PinKey =>
  origin === 'project' ? { repo, name } : { name }

export const pinOf = (declared: Declared, repo: string | undefined, pins: Pin[]): Pin | undefined =>
  pins.find(isPinOf(keyOf(declared, repo)))

/** Whether it must not even be started before a person has agreed to it. Undefined: it may. */
export function refused(declared: Declared, repo: string | undefined, pins: Pin[]): Judged | undefined {
  const { server, origin } = declared
  const pin = pinOf(declared, repo, pins)
  const unasked = (state: 'unapproved' | 'changed', message: string): Judged => ({
    declared,
    finding: { name: server.name, state, tools: [], message },
  })
  if (!pin && origin === 'project') return unasked('unapproved', unapproved(repo))
  if (pin && pin.declaration !== declarationHash(server)) return unasked('changed', 'its declaration changed')
  return undefined
}

/** Judges by what it shows now. */
export function judge(
  declared: Declared,
  shown: Shown,
  env: Env,
  { repo, pins }: { repo: string | undefined; pins: Pin[] },
): Judged {
  const { server, origin } = declared
  const now = fingerprint(server, shown)
  const pin = pinOf(declared, repo, pins)
  const tools = toolsOf(shown, withoutSecrets(server, env))
  const base = { name: server.name, tools, hash: now.hash }
  const changed = pin && difference(pin, now)
  if (changed) return { declared, fingerprint: now, finding: { ...base, state: 'changed', message: changed } }
  const ready = pin || origin === 'user'
  const finding: McpFinding = ready
    ? { ...base, state: 'ready' }
    : { ...base, state: 'unapproved', message: unapproved(repo) }
  return { declared, fingerprint: now, finding }
}

/** It could not be asked, or showed what cannot be pinned. */
export function failed(declared: Declared, thrown: unknown): Judged {
  const { name } = declared.server
  const error = thrown instanceof OrchError ? thrown : mcpFailure(name, toOrchError(thrown).message)
  return { declared, error, finding: { name, state: 'failed', tools: [], message: whyOf(error) } }
}

const unapproved = (repo = '') => `${projectConfigFile(repo)} declares it, and nobody approved it`

const LONGEST_NAME = 200
const LONGEST_DESCRIPTION = 2_000

const toolsOf = ({ tools }: Shown, clean: (text: string) => string): McpFinding['tools'] =>
  tools.map(({ name, description }) => ({
    name: oneLine(clean(name), LONGEST_NAME),
    ...(description !== undefined && {
      description: plainText(clean(description)).slice(0, LONGEST_DESCRIPTION),
    }),
  }))

const CODES = { failed: 'E_MCP_FAILED', unapproved: 'E_MCP_UNAPPROVED', changed: 'E_MCP_CHANGED' } as const
/** A server that fails may come back by itself; the others wait for a person, who is to hear of it first. */
const ORDER = ['unapproved', 'changed', 'failed'] as const

/** @throws OrchError E_MCP_UNAPPROVED, E_MCP_CHANGED or E_MCP_FAILED when one of them is not ready */
export function insist(judged: Judged[]): void {
  const bad = judged.filter(({ finding }) => finding.state !== 'ready')
  const state = ORDER.find((it) => bad.some(({ finding }) => finding.state === it))
  if (!state) return
  const worst = bad.filter(({ finding }) => finding.state === state)
  const fix = state === 'failed' ? worst[0]?.error?.fix : askingFor(worst.map(({ finding }) => finding.name))
  const said = bad.map(({ finding: { name, message } }) => `the MCP server ${name}: ${message}`)
  throw new OrchError(CODES[state], said.join('; '), {
    ...(fix !== undefined && { fix }),
    details: {
      ...(state === 'failed' && ofBreakers(worst)),
      servers: bad.map(({ finding: { name, state, message } }) => ({ name, state, message })),
    },
  })
}

/** What the breakers of all that failed say: who was refused by each, or tried each out, is not to blame. */
function ofBreakers(worst: Judged[]): Record<string, unknown> {
  const details = worst.map(({ error }) => error?.details ?? {})
  if (!details.every(({ breaker }) => breaker !== undefined)) return {}
  const untils = details.flatMap(({ until }) => (typeof until === 'number' ? until : []))
  return { breaker: details[0]?.breaker, ...(untils.length > 0 && { until: Math.max(...untils) }) }
}

function askingFor(names: string[]): string {
  const all = names.join(' ')
  return `\`orch mcp check ${all}\` shows what is offered; \`orch mcp approve ${all}\` lets agents have it.`
}
