import { lstat, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { ProcessTable } from './processes/processes.ts'
import type { AttemptStatus, Exit } from './runtime.ts'
import { ifThere } from './whole-file.ts'

/** A process as shim.sh writes it down. */
export interface Identity {
  pid: number
  start: string
}

/** Who holds the directory: the shim that took the lock. */
export async function readShim(directory: string): Promise<Identity | undefined> {
  const owner = await ifThere(readlink(join(directory, 'lock')))
  if (owner === undefined) return undefined
  const [pid, ...start] = owner.split(' ')
  return { pid: Number(pid), start: start.join(' ').trim() }
}

/** The agent's process; undefined before it has started. */
export async function readAgent(directory: string): Promise<Identity | undefined> {
  const text = await ifThere(readFile(join(directory, 'started.json'), 'utf8'))
  if (text === undefined) return undefined
  const { agent, agentStart } = JSON.parse(text) as { agent: number; agentStart: string }
  return { pid: agent, start: agentStart.trim() }
}

export async function readExit(directory: string): Promise<Exit | undefined> {
  const text = await ifThere(readFile(join(directory, 'exit.json'), 'utf8'))
  return text === undefined ? undefined : (JSON.parse(text) as Exit)
}

async function printedBytes(directory: string): Promise<number> {
  const files = ['out.jsonl', 'err.log', 'setup.log'].map((name) => ifThere(stat(join(directory, name))))
  return (await Promise.all(files)).reduce((sum, file) => sum + (file?.size ?? 0), 0)
}

export async function readStatus(directory: string, processes: ProcessTable): Promise<AttemptStatus> {
  const shim = await readShim(directory)
  const alive = shim !== undefined && (await processes.alive(shim.pid, shim.start))
  // Asked after the shim: one that was found dead has written its last word before.
  const exit = await readExit(directory)
  const outBytes = await printedBytes(directory)
  if (exit) return { state: 'exited', exit, outBytes }
  if (alive) return { state: 'running', outBytes }
  if (shim) return { state: 'lost', outBytes }
  const launched = await ifThere(lstat(join(directory, 'spec.sh')))
  return { state: launched ? 'ready' : 'absent', outBytes }
}
