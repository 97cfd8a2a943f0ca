/** One process as it was measured. */
export interface Measured {
  pid: number
  parent: number
  session: number
  /** Opaque; with the pid it names the process for good. */
  start: string
  /** The agent that its environment names. */
  mark?: string
  /** Resident memory in bytes; 0 for a zombie. */
  rssBytes: number
  /** Processor time in ms that it and the children that it has waited for have used. */
  cpuMs: number
  zombie: boolean
}

/** One look at every process of the machine, zombies included: their time is not yet told by their parent. */
export interface ProcessScan {
  /** How old a look may be before the next is worth its cost, in ms. */
  readonly everyMs: number
  measure(): Promise<Measured[]>
  /** Memory of a process that is not shared or mapped from a file, in bytes; undefined where that cannot be told. */
  ownBytes(pid: number): Promise<number | undefined>
  /** Ids that take a priority each: on Linux every thread has its own. Empty when the process has ended. */
  threads(pid: number): number[]
}
