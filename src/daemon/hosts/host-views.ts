import type { StatusView } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import { unmetNeeds } from '../../orchestrator/hosts.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import type { Host } from '../../store/store.ts'
import { driverNeed, labelNeed } from '../../task/needs.ts'
import type { Task } from '../../task/task.ts'
import { isStale } from './host.ts'

/** What the API shows of hosts, and of tasks that none of them can take. */

type HostView = StatusView['hosts'][number]
type Known = Pick<Parts, 'hosts' | 'host' | 'clock' | 'config'>

export async function viewHosts(parts: Known): Promise<HostView[]> {
  const hosts = await parts.hosts.known()
  return hosts.map((host) => viewHost(parts, host))
}

function viewHost({ host: here, clock, config }: Known, host: Host): HostView {
  const { name, offers, running, capacity, version, pid, address } = host
  return {
    name,
    state: isStale(host, clock.now(), config) ? 'stale' : 'up',
    here: name === here,
    labels: named(offers, labelNeed('')),
    drivers: named(offers, driverNeed('')),
    agents: { running, limit: capacity },
    version,
    pid,
    address,
    joinedAt: new Date(host.joinedAt).toISOString(),
    seenAt: new Date(host.seenAt).toISOString(),
  }
}

const named = (offers: readonly string[], kind: string): string[] =>
  offers.filter((offer) => offer.startsWith(kind)).map((offer) => offer.slice(kind.length))

/** What a queued task needs and no host that is up has; undefined when somebody can take it. */
export async function unmetOf({ hosts, clock, config }: Known, task: Task): Promise<string[] | undefined> {
  if (task.state !== 'queued') return undefined
  const unmet = unmetNeeds(task.spec, up(await hosts.known(), clock.now(), config))
  return unmet.length > 0 ? unmet : undefined
}

const up = (hosts: Host[], now: number, config: Parts['config']): Host[] =>
  hosts.filter((host) => !isStale(host, now, config))

/** The hosts and what a person must know of them; while the store is down it is not known who is there. */
export async function hostsFor(
  parts: Known & Pick<Parts, 'store'>,
  tasks: readonly Task[],
): Promise<{ hosts: HostView[]; warnings: string[] }> {
  try {
    const known = await parts.hosts.known()
    const able = up(known, parts.clock.now(), parts.config)
    const warnings = [...unmetWarnings(tasks, able), ...versionWarnings(able), ...clockWarnings(parts)]
    return { hosts: known.map((host) => viewHost(parts, host)), warnings }
  } catch (error) {
    if (error instanceof OrchError && error.code === 'E_STORE_DOWN') return { hosts: [], warnings: [] }
    throw error
  }
}

/** Tasks that nobody can take, by what they need. */
function unmetWarnings(tasks: readonly Task[], hosts: readonly Host[]): string[] {
  const waiting = new Map<string, string[]>()
  for (const { id, state, spec } of tasks) {
    const unmet = state === 'queued' ? unmetNeeds(spec, hosts).join(', ') : ''
    if (unmet) waiting.set(unmet, [...(waiting.get(unmet) ?? []), id])
  }
  return [...waiting].map(([unmet, ids]) => {
    const more = ids.length > NAMED ? ` and ${ids.length - NAMED} more` : ''
    return `no host has ${unmet}: nobody can take ${ids.slice(0, NAMED).join(', ')}${more}`
  })
}

/** Hosts of one store speak to each other and move the same records: they are to be of one version. */
function versionWarnings(hosts: readonly Host[]): string[] {
  const names = Map.groupBy(hosts, ({ version }) => version)
  if (names.size < 2) return []
  const each = [...names].map(([version, them]) => `${version} on ${them.map(({ name }) => name).join(', ')}`)
  return [`hosts run different versions of Orch (${each.join('; ')}): bring all to one`]
}

const NAMED = 3
/** Leases of 30 s can do with that. */
const TOLERATED_MS = 2_000

function clockWarnings({ store, host }: Pick<Parts, 'store' | 'host'>): string[] {
  const behind = store.exchange?.clockOffset() ?? 0
  if (Math.abs(behind) <= TOLERATED_MS) return []
  const off = `${(Math.abs(behind) / 1_000).toFixed(1)} s ${behind > 0 ? 'behind' : 'ahead of'}`
  return [`the clock of ${host} is ${off} that of Redis: Orch corrects for it, but it should be set (NTP)`]
}
