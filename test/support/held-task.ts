import type { Parts } from '../../src/orchestrator/parts.ts'
import type { Claimed } from '../../src/store/store.ts'
import type { TaskSpec } from '../../src/task/task.ts'

/** A task that an attempt holds, with the token of its agent, without any process. */
export async function holdTask(
  { store, ids, clock, host, agentTokens }: Parts,
  spec: Partial<TaskSpec> = {},
): Promise<Claimed & { token: string }> {
  const now = clock.now()
  const run = { id: ids.run(), requestId: ids.token(), repo: '/repo', createdAt: now }
  await store.tasks.submit(run, [{ id: ids.task(), spec: { ...SPEC, ...spec } }])
  const agent = () => `worker-${ids.token().slice(0, 12)}`
  const claimed = await store.tasks.claim({ host, now, leaseMs: 600_000, agent })
  if (!claimed) throw new Error('there was nothing to claim')
  await store.tasks.start(claimed.fence, now)
  return { ...claimed, token: agentTokens.issue(claimed.attempt) }
}

const SPEC: TaskSpec = {
  repo: '/repo',
  title: 'Do it',
  description: 'Do it well',
  base: 'main',
  branch: 'orch/do-it',
  profile: 'general',
  driver: 'command',
  forge: 'local',
  runtime: 'process',
  priority: 0,
  tries: 3,
  publish: 'orch',
  limits: { wallMs: 3_600_000, outputBytes: 1_000_000 },
}
