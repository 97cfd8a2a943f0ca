import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import type { Argv, Env, Exec } from '../../exec.ts'

/** How a program is tried out. */
export interface Probe {
  exec: Exec
  env: Env
}

/** How long a probe may take, in ms: a bus that hangs is one that does not answer. */
export const PROBE_MS = 3_000
/** A status that nothing gives by accident. */
const STATUS = 87

/** Where a program is on PATH; the agent's own PATH may be another. */
export function findProgram(name: string, env: Env): string | undefined {
  return (env.PATH ?? '')
    .split(':')
    .filter((place) => place.startsWith('/'))
    .map((place) => join(place, name))
    .find(isProgram)
}

/** `name` with `args`, when it runs what comes behind them and gives its exit status; empty otherwise. */
export async function worksBefore({ exec, env }: Probe, name: string, args: string[]): Promise<string[]> {
  const program = findProgram(name, env)
  if (!program) return []
  const argv: Argv = [program, ...args, '/bin/sh', '-c', `exit ${STATUS}`]
  const { code, stderr } = await exec(argv, { env, timeoutMs: PROBE_MS })
  return code === STATUS && stderr === '' ? [program, ...args] : []
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
