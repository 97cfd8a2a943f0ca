import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'
import { writeFifo } from './fifo.ts'
import type { ProcessTable } from './processes/processes.ts'
import { readAgent, readStatus } from './status.ts'
import { ifThere } from './whole-file.ts'

/** How long a shim that was just started may take to open the FIFO, in ms. */
const OPENING_MS = 5_000
/** How long the agent may take to read its first input, in ms. */
const FIRST_MS = 60_000

/**
 * Writes a message to the agent, after its first input and after the messages before.
 * @throws OrchError E_CANNOT_HEAR when the agent has no FIFO or has ended, E_TIMEOUT when it does not read.
 */
export async function send(directory: string, text: string, deps: { clock: Clock; processes: ProcessTable }) {
  const { clock, processes } = deps
  const asked = clock.now()
  let started: number | undefined
  while (await opening(directory)) {
    const { state, turn } = await readStatus(directory, processes)
    const agent = await readAgent(directory, turn)
    if (agent) started ??= clock.now()
    if (state !== 'ready' && state !== 'running')
      throw new OrchError('E_CANNOT_HEAR', `the agent is ${state}`)
    if (!(await isThere(join(directory, 'in')))) {
      if (agent) throw new OrchError('E_CANNOT_HEAR', 'the agent holds no conversation')
      if (clock.now() - asked > OPENING_MS) throw new OrchError('E_CANNOT_HEAR', 'the agent has not started')
    }
    if (started !== undefined && clock.now() - started > FIRST_MS)
      throw new OrchError('E_TIMEOUT', 'the agent has not read its first input')
    await clock.sleep(10)
  }
  await writeFifo(join(directory, 'in'), Buffer.from(text), clock)
}

/** The FIFO is not there yet, or the shim still feeds the first input into it. */
const opening = async (directory: string) =>
  !(await isThere(join(directory, 'in'))) || (await isThere(join(directory, 'first')))

const isThere = async (file: string) => (await ifThere(access(file).then(() => true))) ?? false
