import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'
import { signalGroup, signalProcess } from '../exec.ts'
import type { Process, ProcessTable } from './processes/processes.ts'
import { MARK } from './spec.ts'
import { lockOf, readAgent, readHead, readShim, readStatus } from './status.ts'
import { writeWhole } from './whole-file.ts'

/** After KILL, how long until we say that something would not go, in ms (it hangs in the kernel). */
const KILL_MS = 5_000
/** How long the shim may take to write exit.json when the agent is gone, in ms. */
const LAST_WORD_MS = 5_000

export interface StopDeps {
  clock: Clock
  processes: ProcessTable
}

/**
 * Ends everything that belongs to one attempt: TERM, and KILL after `graceMs`. Safe to call at any time, again, and
 * after the agent has ended: then it sweeps what was left behind. Gives how many processes needed KILL.
 * @throws OrchError E_RUNTIME when a process does not even end by KILL.
 */
export async function stop(directory: string, agent: string, graceMs: number, deps: StopDeps) {
  if (await claimUnstarted(directory, deps)) return { killed: 0 }
  await endSetup(directory, deps)
  const hunt = createHunt(directory, agent, deps.processes)
  let killed = 0
  if ((await drive('SIGTERM', hunt.left, deps.clock, graceMs)).left > 0) {
    const forced = await drive('SIGKILL', hunt.look, deps.clock, KILL_MS)
    if (forced.left > 0) throw new OrchError('E_RUNTIME', `${forced.left} processes of ${agent} do not end`)
    killed = forced.signalled
  }
  await lastWord(directory, deps)
  return { killed }
}

/** A shim that was asked for may still be on its way: with the lock in our hands it will end at once. */
async function claimUnstarted(directory: string, deps: StopDeps): Promise<boolean> {
  const { state, turn } = await readStatus(directory, deps.processes)
  if (state !== 'ready') return false // an agent may have deleted its own directory: its processes are looked for all the same
  try {
    await symlink('0 stopped', join(directory, lockOf(turn)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  const exit = { phase: 'setup', status: 143, step: 0, turn }
  await writeWhole(join(directory, 'exit.json'), `${JSON.stringify(exit)}\n`)
  return true
}

/** Between set-up steps there may be no process to stop, so the shim itself is told; it stops the step that runs. */
async function endSetup(directory: string, { processes }: StopDeps): Promise<void> {
  const turn = (await readHead(directory))?.turn ?? 0
  const shim = await readShim(directory, turn)
  if (!shim || (await readAgent(directory, turn)) || !(await processes.alive(shim.pid, shim.start))) return
  signalProcess(shim.pid, 'SIGTERM')
}

type Look = () => Promise<Process[]>

const keyOf = ({ pid, start }: Process) => `${pid} ${start}`
/** A child that makes a group of its own between our look and the signal to its old group has not been told. */
const tellKeyOf = (process: Process) => `${keyOf(process)} ${process.group}`

/** Every so many questions the machine is searched again, though some that were seen before are left. */
const SEARCH_EACH = 4

/** `look` searches the machine (some ms); `left` mostly asks after what was seen before, and searches when none is left. */
function createHunt(directory: string, agent: string, processes: ProcessTable): { look: Look; left: Look } {
  const known = new Map<string, Process>()
  const look = async () => {
    const leader = await readAgent(directory, (await readHead(directory))?.turn ?? 0)
    const ours = leader && (await processes.alive(leader.pid, leader.start)) ? [leader.pid] : []
    // Also those that are known: one may have another group by now, and nothing else that tells it is ours.
    const pids = [...ours, ...(await still()).map(({ pid }) => pid)]
    const found = await processes.find({ pids, groups: ours, sessions: ours, mark: `${MARK}=${agent}` })
    for (const process of found) known.set(keyOf(process), process)
    return still()
  }
  const still = async () => {
    for (const [key, { pid, start }] of known) if (!(await processes.alive(pid, start))) known.delete(key)
    return [...known.values()]
  }
  let asked = 0
  const left = async () => {
    const seen = await still()
    return seen.length > 0 && ++asked % SEARCH_EACH > 0 ? seen : look()
  }
  return { look, left }
}

/** Sends the signal once to each process that `look` gives, until it gives none or the time is over. */
async function drive(signal: NodeJS.Signals, look: Look, clock: Clock, withinMs: number) {
  const deadline = clock.now() + withinMs
  const signalled = new Set<string>()
  const told = new Set<string>()
  let left = await look()
  for (let pause = 10; left.length > 0; pause = Math.min(2 * pause, 200)) {
    signalAll(
      signal,
      left.filter((process) => !told.has(tellKeyOf(process))),
    )
    for (const process of left) {
      signalled.add(keyOf(process))
      told.add(tellKeyOf(process))
    }
    if (clock.now() >= deadline) break
    await clock.sleep(pause)
    left = await look()
  }
  return { left: left.length, signalled: signalled.size }
}

/** Groups whose leader is ours are signalled as one, so that no fork slips through; everybody else by pid. */
function signalAll(signal: NodeJS.Signals, processes: Process[]): void {
  const groups = new Set(processes.filter(({ pid, group }) => pid === group).map(({ group }) => group))
  for (const group of groups) signalGroup(group, signal)
  for (const { pid, group } of processes) if (!groups.has(group)) signalProcess(pid, signal)
}

async function lastWord(directory: string, { clock, processes }: StopDeps): Promise<void> {
  const deadline = clock.now() + LAST_WORD_MS
  while ((await readStatus(directory, processes)).state === 'running' && clock.now() < deadline)
    await clock.sleep(10)
}
