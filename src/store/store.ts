import type { PullRequestRecords } from '../forge/local/records.ts'
import type { RunId, TaskId } from '../id.ts'
import type { EventFilter, JournalEvent, NewEvent } from '../journal/journal.ts'
import type {
  Attempt,
  Fence,
  Proof,
  Reason,
  Report,
  Run,
  Task,
  TaskSpec,
  TaskState,
  WaitingFor,
} from '../task/task.ts'
import type { UsageQuery, UsageSum } from '../task/usage.ts'
import type { Exchange } from './exchange.ts'
import type { HostRegistry } from './hosts.ts'
import type { Mailboxes } from './mailboxes.ts'

export type * from './exchange.ts'
export type * from './hosts.ts'
export type * from './mailboxes.ts'

/**
 * The store port: queue, task records, attempts, mailboxes, journal and pull request records of the local forge.
 *
 * Its verbs are the arrows of `task/life.ts`. Each is one transaction: the state change and its journal event
 * are durable together before the promise resolves (group commit may put several verbs into one transaction;
 * a verb that fails leaves the others of its group untouched). No connection and no transaction crosses it,
 * so that each verb can be one Lua function on Redis. One contract suite (test/contract/store.ts) runs over
 * every adapter.
 *
 * All verbs throw OrchError: E_NOT_FOUND (unknown id), E_STATE (arrow not drawn), E_STALE (old epoch or other
 * host), E_STORE (the engine failed), E_STORE_DOWN (it cannot be reached; what was asked may have been done), E_DISK_FULL.
 */
export interface Store {
  readonly tasks: TaskStore
  readonly journal: Journal
  readonly pulls: PullRequestRecords
  readonly mailboxes: Mailboxes
  readonly hosts: HostRegistry
  /** Absent when this store belongs to one host alone. */
  readonly exchange?: Exchange
  readonly upkeep: Upkeep
  /** Finishes what is under way and lets the engine go. Safe to call twice. */
  close(): Promise<void>
}

export interface NewTask {
  id: TaskId
  spec: TaskSpec
}

export interface ClaimRequest {
  host: string
  now: number
  leaseMs: number
  /** Repositories that are at their limit: their tasks are passed over. */
  except?: string[]
  /** What the host has (`Host.offers`): tasks that need anything else are passed over. Absent = nothing is passed over. */
  offers?: readonly string[]
  /** Names the agent of the attempt that begins; must give a name that no attempt has had. */
  agent: (task: Task, epoch: number) => string
}

export interface Claimed {
  task: Task
  attempt: Attempt
  fence: Fence
}

export interface TaskStore {
  /**
   * Queues all tasks of a run, or none. The same `requestId` again changes nothing and gives the run that is there.
   * @throws OrchError E_NOT_FOUND (`spec.after` names a task that is not there), E_INVALID (tasks that wait for each other)
   */
  submit(run: Run, tasks: NewTask[]): Promise<{ run: Run; tasks: Task[]; created: boolean }>
  /**
   * Queues further tasks of a run for the task that makes them (their `spec.parent`), all or none. The same `requestId` again
   * changes nothing and gives those that are there. @throws OrchError E_LIMIT when there would be too many
   */
  spawn(fence: Fence, order: SpawnOrder): Promise<{ tasks: Task[]; created: boolean }>
  /**
   * Leases the next task that is due: higher priority first, then the older. A task is not due before every one that it
   * comes after (`spec.after`) is accepted. Undefined when none is due.
   */
  claim(request: ClaimRequest): Promise<Claimed | undefined>
  start(fence: Fence, now: number): Promise<Task>
  wait(fence: Fence, now: number, waitingFor: WaitingFor, resetAt?: number): Promise<Task>
  resume(fence: Fence, now: number): Promise<Task>
  report(fence: Fence, now: number, report: Report): Promise<Task>
  verify(fence: Fence, now: number, proof: Proof): Promise<Task>
  accept(fence: Fence, now: number): Promise<Task>
  /** Ends the attempt as failed. `final` buries the task whatever tries are left. */
  fail(
    fence: Fence,
    now: number,
    failure: { reason: Reason; retryAt: number; final?: boolean },
  ): Promise<Task>
  /** Ends the attempt as lost: no try is used up. */
  lose(fence: Fence, now: number, loss: { reason: Reason; retryAt: number }): Promise<Task>
  /** Ends the attempt as postponed: what it needs is out of order, so that it has not begun. No try is used up. */
  postpone(fence: Fence, now: number, delay: { reason: Reason; retryAt: number }): Promise<Task>
  cancel(taskId: TaskId, now: number, reason: Reason): Promise<Task>
  retry(taskId: TaskId, now: number): Promise<Task>
  /** Renews every lease the host holds and gives the ids of the tasks that it still holds. */
  renew(host: string, now: number, leaseMs: number): Promise<TaskId[]>
  /** Loses (with the code `lease-expired`) each held task whose lease ended before `now` and whose host is not `host`. */
  rescue(host: string, now: number): Promise<Task[]>
  /** Notes what became known of an attempt and appends its events, fenced, in one transaction. */
  progress(fence: Fence, progress: Progress): Promise<Attempt>

  get(taskId: TaskId): Promise<Task | undefined>
  /** Newest first. */
  list(filter?: TaskFilter): Promise<Task[]>
  /** Tasks whose id begins with `prefix`, at most `limit`. */
  find(prefix: string, limit: number): Promise<Task[]>
  /** Oldest first. */
  attempts(taskId: TaskId): Promise<Attempt[]>
  /** How many tasks are in each state. */
  counts(): Promise<Record<TaskState, number>>
  /** When the next queued task becomes due (ms since the epoch; 0 = now), undefined when none is queued. */
  nextDue(): Promise<number | undefined>
  run(runId: RunId): Promise<Run | undefined>
  /** Newest first. */
  runs(limit: number): Promise<Run[]>
  /** Sums of what attempts have used, those with the newest attempt first. */
  usage(query: UsageQuery): Promise<UsageSum[]>
}

export interface SpawnOrder {
  requestId: string
  now: number
  tasks: NewTask[]
  limits: SpawnLimits
}

/** How many tasks tasks may make. */
export interface SpawnLimits {
  /** Depth of a task that was made by a task that was made … by one that a person asked for (0). */
  depth: number
  /** By one task, in all its attempts. */
  perTask: number
  /** In one run, with those that the person asked for. */
  perRun: number
}

export interface TaskFilter {
  /** Only tasks that this one made. */
  parent?: TaskId
  states?: TaskState[]
  runId?: RunId
  repo?: string
  /** Only tasks whose lease this host holds. */
  host?: string
  limit?: number
}

export interface Progress {
  events?: NewEvent[]
  /** Merged over the attempt; `usage` replaces the whole figure. */
  attempt?: Partial<
    Pick<Attempt, 'from' | 'saved' | 'carried' | 'driver' | 'session' | 'word' | 'usage' | 'cursor'>
  >
}

export interface Journal {
  /** Appends events that no arrow writes (daemon, pull requests). Gives the seq of the last. */
  append(events: NewEvent[]): Promise<number>
  /** Events after `after` (exclusive) in order, at most `limit` (default 1,000) that match. */
  read(query: EventFilter & { after?: number; limit?: number }): Promise<JournalEvent[]>
  /** Seq of the newest event, 0 for an empty journal. */
  last(): Promise<number>
  /**
   * Calls `listener` soon after each commit from now on that appended events, whichever host's it was, with them: in order,
   * each once. The promise of the verb may have resolved before. Gives the function that stops it.
   */
  subscribe(listener: (events: JournalEvent[]) => void): () => void
}

/** Looking after the store itself. */
export interface Upkeep {
  /** Copies a consistent image to `file` (0600) while work goes on. The file must not exist. */
  backup(file: string): Promise<{ bytes: number }>
  /** Integrity of the engine's file and of what is written in it (states, leases, events). Empty = sound. */
  check(): Promise<string[]>
  /**
   * Forgets what is old, a piece at a time. Open tasks and their events stay whatever the bounds say. Gives how many; the event
   * `store.pruned` says it, and up to where events were forgotten (`upTo`).
   */
  prune(bounds: Retention): Promise<{ events: number; tasks: number }>
}

/** Times are ms since the epoch. */
export interface Retention {
  now: number
  /** Events beyond the newest so many are forgotten (the newest one never) … */
  events: number
  /** … and those that were before. */
  eventsBefore: number
  /**
   * Runs all of whose tasks have ended before are forgotten, with their tasks, attempts and the mailboxes of their tasks.
   * Their events stay until their own time.
   */
  tasksBefore: number
}
