import { createHandlers } from '../../src/daemon/handlers/handlers.ts'
import { acrossHosts } from '../../src/daemon/hosts/across-hosts.ts'
import { answerHosts } from '../../src/daemon/hosts/host-calls.ts'
import { OrchError } from '../../src/errors.ts'
import { createOrchestrator } from '../../src/orchestrator/orchestrator.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import type { Exchange, HostAnswer, HostCall, Store } from '../../src/store/store.ts'
import { type RealOptions, realParts } from './parts.ts'

type Handler = (call: HostCall) => Promise<HostAnswer>

/** What hosts ask of each other, in this process; whatever goes through is JSON, as it is with a real one. */
export function localExchange(): Exchange & { verbs: string[] } {
  const handlers = new Map<string, Handler>()
  const kept = new Map<string, Buffer>()
  const duties = new Map<string, string>()
  const verbs: string[] = []
  return {
    /** What was asked, in order: `HOST VERB`. */
    verbs,
    async call(host, call) {
      verbs.push(`${host} ${call.verb}`)
      const handler = handlers.get(host)
      if (!handler) throw new OrchError('E_HOST_GONE', `nobody answers for the host ${host}`)
      const answer = JSON.parse(JSON.stringify(await handler(JSON.parse(JSON.stringify(call))))) as HostAnswer
      if ('error' in answer) throw OrchError.fromBody(answer.error)
      return answer.value
    },
    async answer(host, handler) {
      handlers.set(host, handler)
      return async () => void handlers.delete(host)
    },
    put: async (name, bytes) => void kept.set(name, bytes),
    get: async (name) => kept.get(name),
    drop: async (name) => void kept.delete(name),
    duty: async (name, host) => (duties.get(name) ?? duties.set(name, host).get(name)) === host,
    reach: () => ({ state: 'up', since: 0 }),
    onReach: () => () => {},
    clockOffset: () => 0,
    troubles: async () => [],
  }
}

const FACTS = { version: '1.0.0', startedAt: 1, apiUrl: async () => undefined }

/** One host of several in this process: real parts, and the handlers that its API has. Nothing is claimed before `orchestrator.begin()`. */
export async function hostOf(
  name: string,
  store: Store | undefined,
  exchange: Exchange,
  options: RealOptions & { change?: (parts: Parts) => Partial<Parts> } = {},
) {
  const config = { ...options.config, hostName: name }
  const real = await realParts({ ...options, config, ...(store && { store }) })
  const shared: Store = { ...real.store, exchange: { ...exchange } }
  const hosts: Parts['hosts'] = { ...real.hosts, known: () => shared.hosts.list() }
  const parts: Parts = { ...real, store: shared, hosts, ...options.change?.(real) }
  const orchestrator = createOrchestrator(parts)
  const own = createHandlers(parts, orchestrator, FACTS)
  const unanswer = await answerHosts(own, parts)
  const instance = parts.paths.state
  const offers = ['driver:command']
  const facts = { name, instance, offers, capacity: 5, running: 0, version: '1.0.0', pid: process.pid }
  await shared.hosts.beat({ ...facts, address: `ann@${name}` }, parts.clock.now(), 60_000)
  return { parts, orchestrator, handlers: acrossHosts(own, parts), unanswer }
}
