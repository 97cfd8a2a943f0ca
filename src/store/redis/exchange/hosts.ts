import { hostJoined, hostLeft } from '../../host-events.ts'
import type { Host, HostRegistry } from '../../hosts.ts'
import { type EventRow, eventRow } from '../journal/row.ts'
import { BEAT, HOSTS, LEAVE, LIST, REMOVE_STALE } from '../lua/hosts.ts'
import type { RedisTools } from '../tools.ts'

/** What a host said of itself as JSON, then when it joined and when it was heard of, as the scripts give them. */
type HostRow = [record: string, joinedAt: string, seenAt: string]

interface BeatOrder {
  name: string
  instance: string
  record: string
  now: number
  staleMs: number
  joined: EventRow
}

/** Keys: `hosts` (zset of names by when they were heard of), `host:NAME` (hash: instance, record, joinedAt, seenAt). */
export function createHostRegistry({ scripts }: RedisTools): HostRegistry {
  const beat = scripts.define<BeatOrder, HostRow>('orchHostBeat', [HOSTS], BEAT, { evenWhenFull: true })
  const leave = scripts.define<{ name: string; instance: string; left: EventRow }, undefined>(
    'orchHostLeave',
    [HOSTS],
    LEAVE,
    { evenWhenFull: true },
  )
  const list = scripts.define<object, HostRow[]>('orchHostList', [HOSTS], LIST, {
    evenWhenFull: true,
  })
  const removeStale = scripts.define<{ before: number; now: number }, HostRow[]>(
    'orchHostRemoveStale',
    [HOSTS],
    REMOVE_STALE,
    { evenWhenFull: true },
  )
  return {
    async beat(host, now, staleMs) {
      const { name, instance } = host
      const joined = eventRow(hostJoined(host, now))
      return hostOf(await beat({ name, instance, record: JSON.stringify(host), now, staleMs, joined }))
    },
    async leave(name, instance, now) {
      await leave({ name, instance, left: eventRow(hostLeft(name, instance, now)) })
    },
    list: async () => sorted(await list({})),
    removeStale: async (before, now) => sorted(await removeStale({ before, now })),
  }
}

const hostOf = ([record, joinedAt, seenAt]: HostRow): Host => ({
  ...(JSON.parse(record) as Host),
  joinedAt: Number(joinedAt),
  seenAt: Number(seenAt),
})

/** By name, in the order of SQLite: that of UTF-8. */
const sorted = (rows: HostRow[]): Host[] =>
  rows.map(hostOf).sort((one, other) => Buffer.compare(Buffer.from(one.name), Buffer.from(other.name)))
