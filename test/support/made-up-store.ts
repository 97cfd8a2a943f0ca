import type { RunId, TaskId } from '../../src/id.ts'
import type { Store } from '../../src/store/store.ts'
import type { Fence } from '../../src/task/task.ts'
import { message, openBox, RETRY } from './mail.ts'
import { claim, PROOF, REASON, submit } from './store.ts'

/** Runs, tasks in every state with attempts, gates, children, mailboxes, messages in every state, pull requests, events. */
export async function makeUp(store: Store, rounds = 3): Promise<void> {
  for (let n = 0; n < rounds; n++) await makeRound(store, n)
  await store.journal.append([
    { type: 'daemon.started', at: 5, data: { text: 'ü"\\ \u0000\ud800', empty: [], none: {} } },
  ])
  await store.pulls.open(
    '/other',
    { head: 'h', base: 'main', title: 't', body: '', author: 'a', headCommit: 'c' },
    4,
  )
}

async function makeRound(store: Store, n: number): Promise<void> {
  const { tasks, pulls } = store
  const at = 1_000 * (n + 1)
  const run: RunId = `r-${n}`
  const ids = ['done', 'dead', 'held', 'asks', 'again', 'gone', 'queued', 'then', 'reported'].map(
    (word): TaskId => `t-${word}${n}`,
  )
  const named = (word: string): TaskId => `t-${word}${n}`
  const [done, dead, held] = [named('done'), named('dead'), named('held')]
  const [asks, again, gone, then] = [named('asks'), named('again'), named('gone'), named('then')]
  const first = ids.filter((id) => id !== then)
  await submit(store, {
    ids: first,
    run,
    request: `q-${n}`,
    at,
    spec: { priority: n, description: 'ü'.repeat(500), tries: 1 },
  })
  const after = { after: [held, done], labels: ['gpu'] }
  await submit(store, { ids: [then], run: `r-then${n}`, request: `q-then${n}`, at, spec: after })
  for (const id of [done, dead, held, asks, again])
    await openBox(store, id, { runId: run, capabilities: ['x'] }, at)
  await openBox(store, 'person', { reader: 'me', topics: ['a'] }, at)
  const fences: Fence[] = []
  for (let k = 0; k < 6; k++)
    fences.push(
      (await claim(store, { now: at, leaseMs: 9_000, agent: (task, epoch) => `a-${task.id}-${epoch}` }))
        .fence,
    )
  const fence = (id: TaskId): Fence =>
    fences.find((it) => it.taskId === id) ?? { taskId: id, epoch: 0, host: '' }
  await tasks.start(fence(done), at + 1)
  await tasks.progress(fence(done), {
    events: [{ type: 'message', at: at + 1, data: { text: 'hi' } }],
    attempt: { session: 's' },
  })
  await store.mailboxes.send(
    ['one', 'two', 'three', 'four'].map((word) =>
      message({ id: `m-${word}${n}`, to: word === 'four' ? 'person' : done, from: dead }),
    ),
    at + 2,
  )
  await store.mailboxes.send(
    [message({ id: `m-ask${n}`, to: held, from: dead, expiresAt: new Date(at + 9e6).toISOString() })],
    at + 2,
  )
  await store.mailboxes.open({ name: done, reader: 'r1', capacity: 9 }, at + 2)
  await store.mailboxes.lease({ mailbox: done, reader: 'r1', now: at + 3, leaseMs: 100, limit: 2 })
  await store.mailboxes.acknowledge({ mailbox: done, reader: 'r1', ids: [`m-one${n}`], now: at + 4 })
  await store.mailboxes.giveBack({
    mailbox: done,
    reader: 'r1',
    ids: [`m-two${n}`],
    now: at + 4,
    reason: REASON,
    retry: RETRY,
  })
  await tasks.report(fence(done), at + 5, { summary: 'done' })
  await tasks.verify(fence(done), at + 6, PROOF)
  await tasks.accept(fence(done), at + 7)
  await tasks.start(fence(dead), at + 1)
  await tasks.fail(fence(dead), at + 8, { reason: REASON, retryAt: at + 9 })
  await tasks.start(fence(asks), at + 1)
  await tasks.wait(fence(asks), at + 2, 'quota', at + 900)
  await tasks.lose(fence(again), at + 3, { reason: REASON, retryAt: at + 50 })
  await tasks.cancel(gone, at + 4, REASON)
  await tasks.start(fence(held), at + 2)
  const child = {
    id: named('child'),
    spec: { ...(await specOf(store, held)), parent: held },
  }
  const limits = { depth: 3, perTask: 9, perRun: 99 }
  await tasks.spawn(fence(held), { requestId: `spawn-${n}`, now: at + 9, tasks: [child], limits })
  for (const head of ['a', 'b', 'c'])
    await pulls.open(
      `/repo${n}`,
      { head, base: 'main', title: head, body: 'b', author: 'x', headCommit: 'c1', runId: run },
      at,
    )
  await pulls.merged(`/repo${n}`, 1, 'm1', at + 1)
  await pulls.closed(`/repo${n}`, 2, at + 1)
  await pulls.checked(
    `/repo${n}`,
    3,
    { name: 'test', state: 'success', required: true, commit: 'c1' },
    at + 2,
  )
}

async function specOf(store: Store, id: TaskId) {
  const task = await store.tasks.get(id)
  if (!task) throw new Error('no task')
  return task.spec
}
