import { createHmac, timingSafeEqual } from 'node:crypto'
import type { TaskId } from '../../id.ts'
import type { Attempt } from '../../task/task.ts'

/** Tokens that say which attempt calls. They need no storage, and outlive the daemon; who holds the task decides whether one is still good. */
export interface AgentTokens {
  issue(attempt: Pick<Attempt, 'taskId' | 'epoch'>): string
  /** Which attempt it was issued for; undefined when it was not issued by us. */
  read(token: string): Pick<Attempt, 'taskId' | 'epoch'> | undefined
}

/**
 * Tokens of the form `TASK.EPOCH.MAC`, where MAC is HMAC-SHA-256 (RFC 2104) over what stands before it, in base64url:
 * characters that RFC 6750 allows in a bearer token. They do not run out with time; who holds the task decides.
 * @param secret at least 32 random bytes as hex, known to the owner of the store only.
 */
export function createAgentTokens(secret: string): AgentTokens {
  const key = Buffer.from(secret, 'hex')
  if (key.length < 32) throw new RangeError('the secret of agent tokens has fewer than 32 bytes')
  const sign = (text: string) => createHmac('sha256', key).update(`orch agent ${text}`).digest('base64url')
  return {
    issue: ({ taskId, epoch }) => `${taskId}.${epoch}.${sign(`${taskId}.${epoch}`)}`,
    read(token) {
      const [, claim = '', taskId = '', epoch = '', mac = ''] = TOKEN.exec(token) ?? []
      if (!same(mac, sign(claim)) || claim === '') return undefined
      return { taskId: taskId as TaskId, epoch: Number(epoch) }
    },
  }
}

const TOKEN = /^((t-[0-9a-z]{1,40})\.([1-9][0-9]{0,8}))\.([\w-]{43})$/

/** In one time whatever is sent. */
function same(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given.padEnd(expected.length)), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}
