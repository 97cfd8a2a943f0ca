/** The meter's port: what agents take of this machine. processes/meter.ts measures it. */

/** What all processes of one agent take together: its program's, and whatever these have started. */
export interface Reading {
  /** When it was taken, in ms since the epoch. */
  at: number
  processes: number
  /**
   * Bytes. Resident memory, in which pages that several processes share count several times; above `suspectBytes` what
   * the machine could not get back without them: each shared page once, mapped files not, swapped pages too.
   */
  memoryBytes: number
  /** Since the reading before; 100 = one whole processor. Absent while there is none before. */
  cpuPercent?: number
}

export interface Meter {
  /**
   * The newest reading of an agent, at most a second old (longer where asking is dear); undefined when none of its
   * processes runs. All agents share one look at the machine, and nobody looks when nobody asks. @throws OrchError E_RUNTIME
   */
  read(agent: string, suspectBytes?: number): Promise<Reading | undefined>
  /** Puts an agent's processes behind all others (nice 10). Gives how many were not there yet. */
  slow(agent: string): Promise<number>
}
