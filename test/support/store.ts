import assert from 'node:assert/strict'
import type { ErrorCode, OrchError } from '../../src/errors.ts'
import type { RunId, TaskId } from '../../src/id.ts'
import type { Claimed, Store } from '../../src/store/store.ts'
import type { Proof, Run, RunLimits, Task, TaskSpec } from '../../src/task/task.ts'

/** Small samples for tests of the store and for the programs that such tests start. */

export interface StoreUnderTest {
  store: Store
  /** Closes the store and opens the same one again. */
  reopen(): Promise<Store>
  /** Closes the store and removes what it left. */
  dispose(): Promise<void>
}

export const REASON = { code: 'agent-failed', message: 'it stopped' }

export const PROOF: Proof = {
  pullRequest: { forge: 'local', number: 1, url: 'local:1' },
  head: 'c1',
  base: 'main',
  filesChanged: ['a.txt'],
  additions: 1,
  deletions: 0,
  commits: 1,
  checks: [],
  openedByOrch: false,
}

export const SPEC: TaskSpec = {
  repo: '/repo',
  title: 'A title',
  description: 'Do it',
  base: 'main',
  branch: 'orch/t',
  profile: 'general',
  driver: 'command',
  argv: ['true'],
  forge: 'local',
  runtime: 'process',
  priority: 0,
  tries: 3,
  publish: 'orch',
  limits: { wallMs: 1_000, outputBytes: 1_000 },
}

interface Submission {
  ids: TaskId[]
  run?: RunId
  request?: string
  spec?: Partial<TaskSpec>
  at?: number
  limits?: RunLimits
}

export function submit(store: Store, { ids, run = 'r-1', request = run, spec, at = 1, limits }: Submission) {
  const base = { id: run, requestId: request, repo: '/repo', createdAt: at }
  const submitted: Run = { ...base, ...(limits && { limits }) }
  return store.tasks.submit(
    submitted,
    ids.map((id) => ({ id, spec: { ...SPEC, ...spec } })),
  )
}

type ClaimOptions = Partial<Parameters<Store['tasks']['claim']>[0]>

export function request(options: ClaimOptions = {}) {
  const agent = ({ id }: Task, epoch: number) => `agent-${id}-${epoch}`
  return { host: 'here', now: 1, leaseMs: 1_000, agent, ...options }
}

export async function claim(store: Store, options: ClaimOptions = {}): Promise<Claimed> {
  const claimed = await store.tasks.claim(request(options))
  if (!claimed) throw new Error('nothing to claim')
  return claimed
}

export async function refused(code: ErrorCode, attempt: Promise<unknown>): Promise<void> {
  await assert.rejects(attempt, (error) => assert.equal((error as OrchError).code, code) === undefined)
}
