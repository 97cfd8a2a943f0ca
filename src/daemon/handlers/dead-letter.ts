import type { DeadGroupView, DeadLetterDetail, DeadLetterView, Handlers } from '../../api/contract.ts'
import { gist } from '../../api/gist.ts'
import { toOrchError } from '../../errors.ts'
import {
  type DeadLetter,
  deadLetter,
  deadLetters,
  dropDead,
  editDead,
  redriveDead,
} from '../../orchestrator/mail/dead-letters.ts'
import type { Orchestrator } from '../../orchestrator/orchestrator.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { oneLine } from '../../text.ts'
import { viewDelivery } from './message-views.ts'
import { viewTask } from './views.ts'

type Verbs = 'deadLetters' | 'deadLetter' | 'editDeadLetter' | 'redriveDeadLetters' | 'dropDeadLetters'

/** The verbs of what could not be delivered or done. */
export function deadLetterHandlers(
  parts: Parts,
  orchestrator: Pick<Orchestrator, 'retry' | 'cancel'>,
): Pick<Handlers, Verbs> {
  return {
    async deadLetters({ query: { what, reason, type, to, limit } }) {
      const letters = (await deadLetters(parts, { kind: what, limit }))
        .map(viewLetter)
        .filter(
          (it) =>
            (reason ?? it.reason.code) === it.reason.code &&
            (type ?? it.type) === it.type &&
            (to ?? it.to) === it.to,
        )
      return { groups: grouped(letters), letters }
    },
    deadLetter: async ({ params }) => await viewOne(parts, await deadLetter(parts, params.id)),
    editDeadLetter: async ({ params, body }) => await viewOne(parts, await editDead(parts, params.id, body)),
    redriveDeadLetters: async ({ body }) =>
      await each(body.ids, (id) => redriveDead(parts, orchestrator, id)),
    dropDeadLetters: async ({ body }) => await each(body.ids, (id) => dropDead(parts, orchestrator, id)),
  }
}

async function each(ids: string[], act: (id: string) => Promise<string>) {
  const done: string[] = []
  const failures: { id: string; error: { code: string; message: string; fix: string } }[] = []
  for (const id of new Set(ids)) {
    try {
      done.push(await act(id))
    } catch (thrown) {
      const { code, message, fix } = toOrchError(thrown)
      failures.push({ id, error: { code, message, fix } })
    }
  }
  return { done, failures }
}

const UNKNOWN = { code: 'unknown', message: 'nobody noted why' }

function viewLetter(letter: DeadLetter): DeadLetterView {
  if (letter.kind === 'task') {
    const { id, spec, runId, reason = UNKNOWN, updatedAt } = letter.task
    const about = oneLine(spec.title, 200)
    return { what: 'task', id, at: iso(updatedAt), reason, type: 'task', to: spec.profile, runId, about }
  }
  const { message, reason = UNKNOWN, sentAt } = letter.delivery
  const { id, type, to, from, runId } = message
  return { what: 'message', id, at: iso(sentAt), reason, type, to, from, runId, about: gist(message) }
}

async function viewOne({ store }: Parts, letter: DeadLetter): Promise<DeadLetterDetail> {
  if (letter.kind === 'message') return { ...viewLetter(letter), delivery: viewDelivery(letter.delivery) }
  return { ...viewLetter(letter), task: viewTask(letter.task, await store.tasks.attempts(letter.task.id)) }
}

/** The largest first. */
function grouped(letters: DeadLetterView[]): DeadGroupView[] {
  const groups = new Map<string, DeadGroupView>()
  for (const { what, reason, type, to, at } of letters) {
    const key = JSON.stringify([what, reason.code, type, to])
    const group = groups.get(key)
    const newest = !group || at > group.latest ? { latest: at, message: oneLine(reason.message, 300) } : {}
    const count = (group?.count ?? 0) + 1
    const base = group ?? { what, code: reason.code, type, to, latest: at, message: '' }
    groups.set(key, { ...base, ...newest, count })
  }
  return [...groups.values()].sort((a, b) => b.count - a.count)
}

const iso = (at: number) => new Date(at).toISOString()
