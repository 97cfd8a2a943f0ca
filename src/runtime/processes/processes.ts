/** A live process. `pid` and `start` name it for good; `start` is opaque and the same that shim.sh writes down. */
export interface Process {
  pid: number
  parent: number
  group: number
  session: number
  start: string
}

/** Which processes: those that match any of these, and all their descendants. */
export interface ProcessQuery {
  /** Processes known to be ours. */
  pids?: number[]
  /** Process groups. Only give one whose leader is known to be ours: ids are used again. */
  groups?: number[]
  /** Sessions; the same holds. */
  sessions?: number[]
  /** A `NAME=value` in the environment that the process was started with. */
  mark?: string
}

/** What runs on this machine. Zombies do not count as running. */
export interface ProcessTable {
  find(query: ProcessQuery): Promise<Process[]>
  /** Whether this very process still runs: the pid alone may belong to another one by now. */
  alive(pid: number, start: string): Promise<boolean>
}
