import type { Breaker } from '../breaker.ts'
import { type Breakers, type Calls, through } from '../breakers.ts'
import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import type { Log } from '../log.ts'
import type { AskDeps } from './ask.ts'
import { type Declarations, type Declared, named } from './declared.ts'
import { declarationHash, type Fingerprint, type Shown } from './fingerprint.ts'
import { failed, insist, type Judged, judge, keyOf, pinOf, refused } from './judge.ts'
import { keepAnswers } from './kept.ts'
import { endAll } from './leftovers.ts'
import type { McpDeclared, McpServers } from './mcp-servers.ts'
import { createPins, type PinKey, type Pins } from './pins.ts'
import { variablesOf } from './variables.ts'

export interface McpServersDeps extends Omit<AskDeps, 'limitMs' | 'owner'> {
  declared: Declarations
  /** File of the pins. */
  pins: string
  clock: Clock
  breakers: Breakers
  log: Log
  /** What a server gets to start and list its tools, in ms. */
  limitMs?: number
}

/** Some servers are fetched by npx when they are started first. */
const LIMIT_MS = 30_000

export function createMcpServers(deps: McpServersDeps): McpServers {
  const pins = createPins({ file: deps.pins, now: deps.clock.now })
  const look = createLook(deps, pins)
  const chosen = async (repo: string | undefined, names: readonly string[]) =>
    named(await deps.declared(repo), names)
  return {
    async list(repo) {
      const all = await pins.all()
      return (await chosen(repo, [])).map((it) => describe(it, pinOf(it, repo, all)))
    },
    async ready(repo, names, env) {
      if (names.length === 0) return []
      const servers = await chosen(repo, names)
      const judged = await look(servers, { repo, env, cautious: true, anew: false })
      insist(
        await trustFirst(pins, judged, repo, (it) => look([it], { repo, env, cautious: true, anew: false })),
      )
      return servers.map(({ server }) => server)
    },
    async check(repo, names, env) {
      const judged = await look(await chosen(repo, names), {
        repo,
        env,
        cautious: names.length === 0,
        anew: true,
      })
      return judged.map(({ finding }) => finding)
    },
    async approve(repo, names, env) {
      const servers = await chosen(repo, someOf(names))
      const judged = await look(servers, { repo, env, cautious: false, anew: true })
      insist(judged.filter(({ finding }) => finding.state === 'failed'))
      await pins.put(judged.flatMap((it) => entryOf(it, repo)))
      deps.log.info('approved MCP servers', {
        repo,
        names,
        hashes: judged.map(({ finding }) => finding.hash),
      })
      return judged.map(({ finding: { name, tools, hash } }) => ({
        name,
        state: 'ready',
        tools,
        ...(hash && { hash }),
      }))
    },
    endLeftovers: () => endAll({ ...deps, owner: deps.pins }),
    async revoke(repo, names) {
      return await pins.remove((await chosen(repo, someOf(names))).map((it) => keyOf(it, repo)))
    },
  }
}

interface How {
  repo: string | undefined
  env: Env
  /** Start nothing that a person did not agree to. */
  cautious: boolean
  anew: boolean
}

/** Judges servers at the same time; it does not throw when one fails. */
function createLook(deps: McpServersDeps, pins: Pins) {
  const limitMs = deps.limitMs ?? LIMIT_MS
  const kept = keepAnswers(async (server, env, cwd) => {
    const { askServer } = await import('./ask.ts')
    const begin = deps.clock.now()
    const shown = await askServer({ ...deps, owner: deps.pins, limitMs }, server, env, cwd)
    const ms = deps.clock.now() - begin
    deps.log.debug('asked an MCP server', { name: server.name, tools: shown.tools.length, ms })
    return shown
  }, deps.clock)
  return async (servers: Declared[], { repo, env, cautious, anew }: How): Promise<Judged[]> => {
    const all = await pins.all()
    const one = async (declared: Declared): Promise<Judged> => {
      const no = cautious ? refused(declared, repo, all) : undefined
      if (no) return no
      try {
        variablesOf(declared.server, env) // what the caller lacks is not the server's fault
        const breaker = deps.breakers.of(breakerName(declared, repo))
        const via = (call: () => Promise<Shown>) =>
          anew ? closing(breaker, call) : through(breaker, CALLS, call)
        const shown = await kept.ask(declared.server, env, repo ?? '/', { anew, via })
        return judge(declared, shown, env, { repo, pins: all })
      } catch (error) {
        return failed(declared, error)
      }
    }
    return await Promise.all(servers.map(one))
  }
}

const CALLS: Calls = { code: 'E_MCP_FAILED', isFault: ({ code }) => code === 'E_MCP_FAILED' }

/** A repository's server is another one than that of the same name elsewhere. */
const breakerName = ({ server: { name }, origin }: Declared, repo: string | undefined): string =>
  origin === 'project' ? `mcp ${name} of ${repo}` : `mcp ${name}`

/** A person who asks is not refused; that it answers is good news for agents. */
async function closing(breaker: Breaker, call: () => Promise<Shown>): Promise<Shown> {
  const shown = await call()
  breaker.close()
  return shown
}

const entryOf = ({ declared, fingerprint }: Judged, repo: string | undefined): [PinKey, Fingerprint][] =>
  fingerprint ? [[keyOf(declared, repo), fingerprint]] : []

/** Pins the user's own servers that are used first. Of two at once one is first: the other is judged by its pin. */
async function trustFirst(
  pins: Pins,
  judged: Judged[],
  repo: string | undefined,
  again: (declared: Declared) => Promise<Judged[]>,
): Promise<Judged[]> {
  const fresh = judged.filter(
    ({ declared, finding }) => declared.origin === 'user' && finding.state === 'ready',
  )
  const known = await pins.all()
  const first = fresh.filter(({ declared }) => !pinOf(declared, repo, known))
  if (first.length === 0) return judged
  await pins.put(
    first.flatMap((it) => entryOf(it, repo)),
    { first: true },
  )
  const settled = await Promise.all(
    judged.map(async (it) => (first.includes(it) ? await again(it.declared) : [it])),
  )
  return settled.flat()
}

function someOf(names: readonly string[]): readonly string[] {
  if (names.length > 0) return names
  throw new OrchError('E_INVALID', 'no MCP server is named', { fix: '`orch mcp list` shows their names.' })
}

function describe({ server, origin }: Declared, pin: ReturnType<typeof pinOf>): McpDeclared {
  if (!pin) return { server, origin, approval: 'none' }
  const approval = pin.declaration === declarationHash(server) ? 'approved' : 'outdated'
  return { server, origin, approval, approvedAt: pin.at, tools: pin.tools.length }
}
