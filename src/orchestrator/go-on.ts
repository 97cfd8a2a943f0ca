import { driverOf } from './driver-choice.ts'
import type { Word } from './hearing.ts'
import type { Held } from './held.ts'
import { launchSpec } from './launch-spec.ts'
import { buildPrompt } from './prompt.ts'
import { eventOf, stopAgent, workspaceOf } from './stop.ts'

/** Why a new process goes on. */
export type Cause = 'word' | 'quota'

export interface Onward {
  cause: Cause
  /** Words for its prompt, and how many were said in the attempt up to the last of them. */
  words: readonly Word[]
  said: number
  session?: string
}

/**
 * The next process of the same attempt: it goes on with the program's session, or where the session is not known, from
 * the task and what is in the worktree. Safe to be killed in: either nothing has changed, or the process is ready to start.
 */
export async function goOn(held: Held, { cause, words, said, session }: Onward): Promise<void> {
  const { parts, task, attempt, fence } = held
  const { spec } = task
  await stopAgent(parts, task, attempt.agent) // what the last process left behind, and its session
  const driver = driverOf(parts, task, attempt)
  const resumed = driver.resumes ? session : undefined
  const next = await launchSpec(held, {
    driver,
    profile: await parts.profiles.find(spec.repo, spec.profile),
    settings: await parts.settings(spec.repo),
    workspace: workspaceOf(parts, task),
    setup: [],
    prompt: promptOf(held, cause, words, resumed !== undefined),
    ...(resumed && { session: resumed }),
    words: said,
  })
  await parts.directories.proceed(next)
  const event = { ...eventOf(parts, attempt, 'agent.continued'), data: { cause, session: resumed } }
  await parts.store.tasks.progress(fence, { events: [event] })
  await parts.runtimes[spec.runtime].start(attempt.agent)
}

function promptOf({ task, attempt }: Held, cause: Cause, words: readonly Word[], resumed: boolean): string {
  const said = words.map(({ text }) => text)
  if (!resumed) return buildPrompt(task, attempt.agent, said)
  return cause === 'quota'
    ? ['The pause is over. Go on where you were.', ...said].join('\n\n')
    : said.join('\n\n')
}
