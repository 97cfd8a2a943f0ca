import { checkJournal } from '../journal/journal-check.ts'
import { checkMail } from '../mail/check.ts'
import { checkPulls } from '../pulls/pulls-check.ts'
import { checkTasks } from '../tasks/check.ts'
import type { RedisTools } from '../tools.ts'

/** Enough to see what is wrong, even when everything is. */
export const MOST_FINDINGS = 100

/** What is wrong with what is written in the store, in sentences. Read in pieces, so that nobody waits for it. */
export async function* findings(tools: RedisTools): AsyncGenerator<string> {
  yield* checkJournal(tools)
  yield* checkMail(tools)
  yield* checkTasks(tools)
  yield* checkPulls(tools)
}
