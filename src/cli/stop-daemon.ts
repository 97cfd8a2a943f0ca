import type { Client } from '../api/client.ts'
import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'

const PATIENCE_MS = 15_000

/** Stops the daemon and returns when it answers no more. @throws OrchError E_TIMEOUT */
export async function stopDaemon(
  client: Client,
  clock: Clock,
  agents: boolean,
): Promise<{ stoppedAgents: number }> {
  const answer = await client.call('stop', { body: { agents } })
  const deadline = clock.now() + PATIENCE_MS
  while (clock.now() < deadline) {
    const there = await client.call('health', {}, { timeoutMs: 1_000 }).then(
      () => true,
      (error: OrchError) => error.code !== 'E_DAEMON',
    )
    if (!there) return answer
    await clock.sleep(20)
  }
  throw new OrchError('E_TIMEOUT', `the daemon still answers after ${PATIENCE_MS / 1_000} s`)
}
