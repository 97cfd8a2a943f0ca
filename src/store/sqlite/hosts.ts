import { OrchError } from '../../errors.ts'
import { hostJoined, hostLeft, hostLost } from '../host-events.ts'
import type { Host, HostRegistry } from '../hosts.ts'
import type { Database } from './database.ts'
import type { GroupCommit } from './group.ts'
import type { EventTable } from './journal.ts'

interface HostRow {
  record: string
}

const SAVE = `INSERT INTO hosts (name, seen_at, record) VALUES (?, ?, ?)
  ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, record = excluded.record`
const STALE = 'SELECT record FROM hosts WHERE seen_at < ? ORDER BY name'
const toHost = (row: HostRow): Host => JSON.parse(row.record) as Host

/** Who takes tasks of this store: with one host, itself. */
export function createHostRegistry(db: Database, events: EventTable, group: GroupCommit): HostRegistry {
  const find = (name: string): Host | undefined => {
    const row = db.one<HostRow>('SELECT record FROM hosts WHERE name = ?', name)
    return row && toHost(row)
  }
  const remove = (name: string) => db.run('DELETE FROM hosts WHERE name = ?', name)

  return {
    beat: (beat, now, staleMs) =>
      group.write(() => {
        const there = find(beat.name)
        const other = there && there.instance !== beat.instance ? there : undefined
        if (other && other.seenAt > now - staleMs)
          throw new OrchError('E_HOST_TAKEN', `a host named ${beat.name} is there already`)
        if (other) events.add(hostLost(other, now))
        const known = other ? undefined : there
        if (!known) events.add(hostJoined(beat, now))
        const host = { ...beat, joinedAt: known?.joinedAt ?? now, seenAt: now }
        db.run(SAVE, host.name, now, JSON.stringify(host))
        return host
      }),
    leave: (name, instance, now) =>
      group.write(() => {
        if (find(name)?.instance !== instance) return
        remove(name)
        events.add(hostLeft(name, instance, now))
      }),
    list: async () => db.all<HostRow>('SELECT record FROM hosts ORDER BY name').map(toHost),
    removeStale: (before, now) =>
      group.write(() => {
        const stale = db.all<HostRow>(STALE, before).map(toHost)
        for (const host of stale) {
          remove(host.name)
          events.add(hostLost(host, now))
        }
        return stale
      }),
  }
}
