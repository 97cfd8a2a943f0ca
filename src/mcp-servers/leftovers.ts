import { type Env, signalProcess } from '../exec.ts'

/**
 * What MCP servers left behind that were started to be asked. They and all that they start carry two marks in their
 * environment: whatever session it is in, it is found.
 */
export interface Started {
  /** Ids of the processes whose environment holds this `NAME=value`. */
  findMarked(mark: string): Promise<number[]>
  /** Who starts servers here: something that stays the same over restarts, and that nobody else is. */
  owner: string
}

/** Marks one asking, and whose it is. */
const ASKING = 'ORCH_MCP_ASKING'
const OWNER = 'ORCH_MCP_OWNER'

export const marks = ({ owner }: Started, asking: string): Env => ({ [ASKING]: asking, [OWNER]: owner })

export const endAsked = ({ findMarked }: Started, asking: string): Promise<void> =>
  endMarked(findMarked, `${ASKING}=${asking}`)

/** Also what a process before us started, that was killed. */
export const endAll = ({ findMarked, owner }: Started): Promise<void> =>
  endMarked(findMarked, `${OWNER}=${owner}`)

async function endMarked(findMarked: Started['findMarked'], mark: string): Promise<void> {
  for (const pid of await findMarked(mark)) signalProcess(pid, 'SIGKILL')
}
