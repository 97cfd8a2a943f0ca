/** A daemon that takes tasks of this store. Times are ms since the epoch. */
export interface Host {
  name: string
  /** Of its state directory: another one with the same name is another host. */
  instance: string
  /** What it has and tasks may need, as `needsOf` (task/needs.ts) tells it: `label:gpu`, `driver:claude`. */
  offers: string[]
  /** Agents at once, and how many there are. */
  capacity: number
  running: number
  version: string
  pid: number
  /** What ssh takes to get there: `ann@build-7`. */
  address: string
  joinedAt: number
  /** When it was heard of last. */
  seenAt: number
}

/**
 * Who shares this store. A name belongs to one instance until it leaves or is stale: two daemons of one name would both be
 * the holder of the same leases. Each verb is one transaction with its event (`host.joined`, `host.left`, `host.lost`).
 * All throw OrchError E_STORE.
 */
export interface HostRegistry {
  /**
   * Joins, or says that it is still there. `joinedAt` stays that of its first beat since it joined.
   * @throws OrchError E_HOST_TAKEN when another instance of this name was heard of after `now - staleMs`
   */
  beat(host: Omit<Host, 'joinedAt' | 'seenAt'>, now: number, staleMs: number): Promise<Host>
  /** Goes in an orderly way. Another instance, or one that is not there, changes nothing. */
  leave(name: string, instance: string, now: number): Promise<void>
  /** By name. */
  list(): Promise<Host[]>
  /** Removes those that were not heard of since `before`, and gives them. */
  removeStale(before: number, now: number): Promise<Host[]>
}
