import type { ErrorBody } from '../errors.ts'

/** A verb of the API that one host asks another one to carry out. JSON only. */
export interface HostCall {
  verb: string
  input: unknown
}
export type HostAnswer = { value: unknown } | { error: ErrorBody }

/** Whether the store can be reached. Times are ms since the epoch. */
export interface Reach {
  state: 'up' | 'down'
  since: number
  /** Why it is down. */
  reason?: string
}

/** What a person should mend about the store: `warn`, it works; `fail`, a daemon would not start with it. */
export interface StoreTrouble {
  level: 'warn' | 'fail'
  what: string
  fix: string
}

/**
 * What hosts that share a store have through it besides the store itself. Only such a store has one (`Store.exchange`): the
 * embedded one belongs to a single host. What goes through here is lost with a host or a connection, and asked again.
 */
export interface Exchange {
  /** Asks another host. @throws OrchError E_HOST_GONE (nobody answers there), E_TIMEOUT, E_STORE_DOWN, and what the other host threw */
  call(host: string, call: HostCall, timeoutMs: number): Promise<unknown>
  /** Answers what is asked of `host` from now on. Gives what ends it. */
  answer(host: string, handler: (call: HostCall) => Promise<HostAnswer>): Promise<() => Promise<void>>
  /** Keeps bytes (a git bundle) for other hosts, until `untilMs` (ms since the epoch). The same name again replaces it. @throws OrchError E_TOO_LARGE */
  put(name: string, bytes: Buffer, untilMs: number): Promise<void>
  /** Undefined when it is not there (any more). */
  get(name: string): Promise<Buffer | undefined>
  drop(name: string): Promise<void>
  /** Whether `host` has this duty (housekeeping that one host is enough for) until `now + ms`; whoever has it keeps it. */
  duty(name: string, host: string, now: number, ms: number): Promise<boolean>
  reach(): Reach
  onReach(listener: (reach: Reach) => void): () => void
  /** How far the clock of this machine is behind that of the store, in ms: what all hosts add so that leases mean one time. */
  clockOffset(): number
  /** Examines the store. @throws OrchError E_STORE_DOWN */
  troubles(): Promise<StoreTrouble[]>
}
