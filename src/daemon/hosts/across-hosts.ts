import { type Answer, type Checked, type Handlers, routes } from '../../api/contract.ts'
import { toOrchError } from '../../errors.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { resolve } from '../../orchestrator/resolve.ts'
import type { Attempt, Task } from '../../task/task.ts'
import { journalLog } from '../journal-log.ts'
import { type AskHost, askerOf, isAway } from './host-calls.ts'
import { pullsAcrossHosts } from './pulls-across-hosts.ts'

/**
 * The same verbs, for tasks and agents on whichever host. What is about an agent needs the machine it is on (its files, its
 * processes, its screen): the host that a person asks asks the one that has it. Without other hosts it is `handlers` itself.
 */
export function acrossHosts(handlers: Handlers, parts: Parts): Handlers {
  const { exchange } = parts.store
  if (!exchange) return handlers
  const ask = askerOf(exchange)
  const find = (name: string, epoch?: number) => findAgent(parts, name, epoch)
  /** Asks the host that holds the task; here, when nobody else does. */
  const atHolder =
    <N extends 'say' | 'interrupt' | 'permit' | 'handOver'>(verb: N) =>
    async (input: Checked<N> & OfTask): Promise<Answer<N>> => {
      const { task, heldBy } = await find(input.params.id)
      const here = handlers[verb] as (input: Checked<N>) => Promise<Answer<N>>
      return heldBy ? await ask(heldBy, verb, withId(input, task)) : await here(input)
    }
  return {
    ...handlers,
    ...pullsAcrossHosts(handlers, parts),
    say: atHolder('say'),
    interrupt: atHolder('interrupt'),
    permit: atHolder('permit'),
    handOver: atHolder('handOver'),
    async task(input) {
      const { task, lastOn } = await find(input.params.id)
      const { workspace, log, result, ...known } = await handlers.task(input)
      if (!lastOn) return { ...known, workspace, log, result }
      // the record is the same everywhere, its repository is where this host has it; only the places are there
      const there = await ask(lastOn, 'task', withId(input, task)).catch((error) => {
        if (!isAway(error)) throw error
        return undefined
      })
      return { ...known, ...(there && { workspace: there.workspace, log: there.log, result: there.result }) }
    },
    async log(input) {
      const { task, attempt, lastOn } = await find(input.params.id, input.query.attempt)
      if (!lastOn || !attempt) return await handlers.log(input)
      const same = withId({ ...input, query: { ...input.query, attempt: attempt.epoch } }, task)
      return await ask(lastOn, 'log', same).catch(async (error) => {
        if (!isAway(error)) throw error
        return await journalLog(parts.store.journal, attempt, input.query.from)
      })
    },
    async attach(input) {
      const { task, heldBy } = await find(input.params.id)
      if (!heldBy) return await handlers.attach(input)
      await ask(heldBy, 'attach', withId(input, task)) // it says so when there is no screen
      const argv = ['ssh', '-t', await addressOf(parts, heldBy), 'orch', 'attach', task.id]
      return { argv, host: heldBy, ssh: argv.join(' ') }
    },
    async cancel(input) {
      const { task, heldBy } = await find(input.params.id)
      if (!heldBy) return await handlers.cancel(input)
      try {
        await ask(heldBy, 'cancel', withId(input, task))
        return await asItIs(handlers, input)
      } catch (error) {
        if (!isAway(error)) throw error
        parts.log.warn('a task is cancelled whose host does not answer', { task: task.id, host: heldBy })
        return await cancelHere(handlers, input)
      }
    },
    async cleanup(input) {
      const others = (await parts.store.hosts.list()).filter(({ name }) => name !== parts.host)
      const all = [handlers.cleanup(input), ...others.map(({ name }) => cleanOn(ask, name, input))]
      const cleaned = await Promise.all(all)
      const kept = new Map(cleaned.flatMap((it) => it.kept).map((it) => [`${it.what} ${it.why}`, it]))
      return { removed: cleaned.flatMap(({ removed }) => removed), kept: [...kept.values()] }
    },
  }
}

interface Found {
  task: Task
  attempt: Attempt | undefined
  /** The other host that holds the task right now. */
  heldBy: string | undefined
  /** The other host that the attempt is, or was, on: it has its files. */
  lastOn: string | undefined
}

/** `epoch`: of this attempt; of the latest one when absent. @throws OrchError E_NOT_FOUND, E_AMBIGUOUS */
async function findAgent(parts: Parts, name: string, epoch?: number): Promise<Found> {
  const other = (host?: string) => (host === parts.host ? undefined : host)
  const task = await resolve(parts, name)
  const attempts = await parts.store.tasks.attempts(task.id)
  const attempt = epoch === undefined ? attempts.at(-1) : attempts.find((it) => it.epoch === epoch)
  return { task, attempt, heldBy: other(task.lease?.host), lastOn: other(attempt?.host) }
}

interface OfTask {
  params: { id: string }
}
const withId = <I extends OfTask>(input: I, { id }: Task): I => ({ ...input, params: { id } })

async function addressOf({ store }: Parts, host: string): Promise<string> {
  return (await store.hosts.list()).find(({ name }) => name === host)?.address ?? host
}

const asItIs = async (handlers: Handlers, { params }: Checked<'cancel'>): Promise<Answer<'cancel'>> =>
  routes.cancel.answer.parse(await handlers.task({ params }))

/** The record moves; its agent is ended by its host when that is back, or by its shim when the lease is over. */
async function cancelHere(handlers: Handlers, input: Checked<'cancel'>): Promise<Answer<'cancel'>> {
  try {
    return await handlers.cancel(input)
  } catch (error) {
    const now = await asItIs(handlers, input)
    if (now.state !== 'cancelled') throw error
    return now // the other host had done it, and could not say so
  }
}

async function cleanOn(ask: AskHost, host: string, input: Checked<'cleanup'>): Promise<Answer<'cleanup'>> {
  try {
    const { removed, kept } = await ask(host, 'cleanup', input)
    return { removed: removed.map((what) => `${what} (${host})`), kept }
  } catch (error) {
    return { removed: [], kept: [{ what: `what is on ${host}`, why: toOrchError(error).message }] }
  }
}
