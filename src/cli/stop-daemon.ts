import { readFileSync } from 'node:fs'
import type { Client } from '../api/client.ts'
import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'

const PATIENCE_MS = 15_000
const LOOK_MS = 20

/**
 * Stops the daemon and returns when its process is gone: only then is its store free, and its tmux server ended.
 * @throws OrchError E_TIMEOUT
 */
export async function stopDaemon(
  client: Client,
  clock: Clock,
  agents: boolean,
): Promise<{ stoppedAgents: number }> {
  const { pid } = await client.call('health')
  const answer = await client.call('stop', { body: { agents } })
  for (const deadline = clock.now() + PATIENCE_MS; clock.now() < deadline; await clock.sleep(LOOK_MS))
    if (!isAlive(pid)) return answer
  throw new OrchError('E_TIMEOUT', `the daemon (pid ${pid}) is still there after ${PATIENCE_MS / 1_000} s`, {
    fix: `Look at the end of the daemon log; kill ${pid} ends it, agents live on.`,
  })
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !isUnburied(pid)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** It has ended, but its parent never asks how: so it is in containers whose first program starts one thing only. */
function isUnburied(pid: number): boolean {
  try {
    return /\) [ZX] [^)]*$/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false // no Linux; or it is gone now, which the next look tells
  }
}
