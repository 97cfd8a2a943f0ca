import type { Hearing, Word } from '../conversation/hearing.ts'
import { driverOf } from './driver-choice.ts'
import type { Held } from './held.ts'
import { historyOf } from './launch.ts'
import { launchSpec } from './launch-spec.ts'
import { buildPrompt } from './prompt.ts'
import { eventOf, stopAgent, workspaceOf } from './stop.ts'

/** Why a new process goes on. */
export type Cause = 'word' | 'quota'

export interface Onward {
  cause: Cause
  /** Number of the process in the attempt. */
  turn: number
  /** Words for its prompt, and how many of the words before them earlier processes have read. */
  words: readonly Word[]
  before: number
  hearing: Hearing
  session: string | undefined
}

/**
 * The next process of the same attempt: it goes on with the program's session, or where the session is not known, from
 * the task and what is in the worktree. Safe to be killed in: either nothing has changed, or the process is ready to start.
 */
export async function goOn(held: Held, onward: Onward): Promise<void> {
  const { parts, task, attempt } = held
  const { spec } = task
  const driver = driverOf(parts, task, attempt)
  const session = driver.resumes ? onward.session : undefined
  const said = [...onward.hearing.words]
  const prompt = session ? nextPrompt(onward) : await wholePrompt(held, said)
  await stopAgent(parts, task, attempt.agent) // what the last process left behind, and its session
  const next = await launchSpec(held, {
    driver,
    profile: await parts.profiles.find(spec.repo, spec.profile),
    settings: await parts.settings(spec.repo),
    workspace: workspaceOf(parts, task),
    setup: [],
    prompt,
    ...(session && { session }),
    words: said.length,
  })
  await note(held, onward, session)
  await parts.directories.proceed(next)
  await parts.runtimes[spec.runtime].start(attempt.agent)
}

/** Once for each process. What the agent said of its end does not count when it goes on. */
async function note(
  { parts, attempt, fence }: Held,
  { cause, turn, before, hearing }: Onward,
  session?: string,
) {
  if (hearing.before?.turn === turn) return
  const data = { cause, turn, wordsBefore: before, ...(session && { session }) }
  const event = { ...eventOf(parts, attempt, 'agent.continued'), data }
  await parts.store.tasks.progress(fence, { events: [event], attempt: { word: undefined } })
  hearing.before = { turn, words: before }
}

function nextPrompt({ cause, words }: Onward): string {
  const said = words.map(({ text }) => text)
  const opening = cause === 'quota' ? ['The pause is over. Go on where you were.'] : []
  return [...opening, ...said].join('\n\n')
}

/** For a program that knows nothing of what was before, in this attempt and in those before it. */
async function wholePrompt({ parts, task, attempt }: Held, words: readonly Word[]): Promise<string> {
  const before = await historyOf(parts, task)
  const texts = (message?: true) => words.filter((it) => it.message === message).map(({ text }) => text)
  return buildPrompt(task, attempt.agent, {
    ...before,
    said: [...before.said, ...texts()],
    told: [...before.told, ...texts(true)],
  })
}
