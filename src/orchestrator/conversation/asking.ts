import type { Attempt } from '../../task/task.ts'
import type { Parts } from '../parts.ts'

/** While `work` goes on, its agent does nothing but wait for a message: the task says so, and no time or turn is used. */
export async function whileAsking<T>(parts: Parts, attempt: Attempt, work: () => Promise<T>): Promise<T> {
  const hearing = await parts.hearings.of(attempt)
  hearing.asking += 1
  hearing.wake()
  try {
    return await work()
  } finally {
    hearing.asking -= 1
    hearing.wake()
  }
}
