import { readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { readPart } from './attempt-files.ts'
import type { ProcessTable } from './processes/processes.ts'
import type { AttemptStatus, Exit } from './runtime.ts'
import { HEAD_BYTES, type Head, parseHead } from './spec.ts'
import { ifThere } from './whole-file.ts'

/** A process as shim.sh writes it down. */
export interface Identity {
  pid: number
  start: string
}

/** Which process of the attempt is to run, or runs, or ran last; undefined before the first was prepared. */
export async function readHead(directory: string): Promise<Head | undefined> {
  const text = await readPart(join(directory, 'spec.sh'), 0, HEAD_BYTES)
  return text.length === 0 ? undefined : parseHead(text.toString('latin1'))
}

/** Each turn has a lock of its own: who comes late for one turn cannot take that of the next. */
export const lockOf = (turn: number): string => (turn > 1 ? `lock.${turn}` : 'lock')

/** Who holds this turn: the shim that took its lock. */
export async function readShim(directory: string, turn: number): Promise<Identity | undefined> {
  const owner = await ifThere(readlink(join(directory, lockOf(turn))))
  if (owner === undefined) return undefined
  const [pid, ...start] = owner.split(' ')
  return { pid: Number(pid), start: start.join(' ').trim() }
}

/** Whether a shim has taken the newest turn, or nothing is there to be taken. */
export async function isTaken(directory: string): Promise<boolean> {
  const head = await readHead(directory)
  return head === undefined || (await readShim(directory, head.turn)) !== undefined
}

/** The process of this turn's agent; undefined before it has started. */
export async function readAgent(directory: string, turn: number): Promise<Identity | undefined> {
  const started = await readJson<{ agent: number; agentStart: string; turn?: number }>(
    join(directory, 'started.json'),
  )
  if (!started || (started.turn ?? 1) < turn) return undefined
  return { pid: started.agent, start: started.agentStart.trim() }
}

/** How this turn ended. */
export async function readExit(directory: string, turn: number): Promise<Exit | undefined> {
  const written = await readJson<Exit & { turn?: number }>(join(directory, 'exit.json'))
  if (!written) return undefined
  const { turn: ended = 1, ...exit } = written
  return ended < turn ? undefined : exit
}

/** They come by rename; yet when the machine falls over, a name may be kept and what stood in the file not. */
async function readJson<T>(file: string): Promise<T | undefined> {
  const text = await ifThere(readFile(file, 'utf8'))
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

async function printedBytes(directory: string): Promise<number> {
  const files = ['out.jsonl', 'err.log', 'setup.log'].map((name) => ifThere(stat(join(directory, name))))
  return (await Promise.all(files)).reduce((sum, file) => sum + (file?.size ?? 0), 0)
}

export async function readStatus(directory: string, processes: ProcessTable): Promise<AttemptStatus> {
  const head = await readHead(directory)
  const { turn, words } = head ?? { turn: 0, words: 0 }
  const shim = await readShim(directory, turn)
  const alive = shim !== undefined && (await processes.alive(shim.pid, shim.start))
  // Asked after the shim: one that was found dead has written its last word before.
  const exit = await readExit(directory, turn)
  const status = { turn, words, outBytes: await printedBytes(directory) }
  if (exit) return { state: 'exited', exit, ...status }
  if (alive) return { state: 'running', ...status }
  if (shim) return { state: 'lost', ...status }
  return { state: head ? 'ready' : 'absent', ...status }
}
