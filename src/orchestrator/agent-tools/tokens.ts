import type { Attempt } from '../../task/task.ts'

/** Tokens that say which attempt calls. They need no storage, and outlive the daemon; who holds the task decides whether one is still good. */
export interface AgentTokens {
  issue(attempt: Pick<Attempt, 'taskId' | 'epoch'>): string
  /** Which attempt it was issued for; undefined when it was not issued by us. */
  read(token: string): Pick<Attempt, 'taskId' | 'epoch'> | undefined
}
