import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createAgentCalls } from '../../src/orchestrator/agent-tools/call.ts'
import { workspaceOf } from '../../src/orchestrator/attempt/stop.ts'
import { openTaskMailbox } from '../../src/orchestrator/bus/audience.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import type { Claimed } from '../../src/store/store.ts'
import type { Proof, Task, TaskSpec } from '../../src/task/task.ts'
import { holdTask } from './held-task.ts'
import { makeRepository, sampleGit } from './repository.ts'

/** Tasks that tasks make, held by attempts without any process: the test is their agents. */

/** A held task with a worktree and a mailbox, in a repository of its own. */
export async function holdParent(parts: Parts, spec: Partial<TaskSpec> = {}) {
  const sample = await makeRepository({ files: { 'a.txt': 'a\n', 'b.txt': 'b\n' } })
  const held = await holdTask(parts, { repo: sample.path, argv: ['true'], ...spec })
  await settleIn(parts, held)
  const calls = createAgentCalls(parts)
  const call = (name: string, input: unknown = {}) => calls.call(held.token, name, input)
  return {
    ...held,
    sample,
    call,
    commit: (files: Record<string, string>) => commitIn(parts, held.task, files),
  }
}

async function settleIn(parts: Parts, { task, attempt }: Claimed): Promise<void> {
  const { repo, branch, base, from } = task.spec
  await openTaskMailbox(parts, task, attempt.agent)
  const start = from ?? (await sampleGit(repo)(['rev-parse', base]))
  await parts.workspaces.prepare({ repo, name: task.id, branch, from: start })
}

/** Writes and commits files in the task's worktree. Gives the commit. */
export async function commitIn(parts: Parts, task: Task, files: Record<string, string>): Promise<string> {
  const { path } = workspaceOf(parts, task)
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), text)
  }
  const git = sampleGit(path)
  await git(['add', '--all'])
  await git(['commit', '--quiet', '-m', `Change ${Object.keys(files).join(' and ')}`])
  return git(['rev-parse', 'HEAD'])
}

async function claimNext(parts: Parts): Promise<Claimed | undefined> {
  const now = parts.clock.now()
  const agent = () => `child-${parts.ids.token().slice(0, 12)}`
  const claimed = await parts.store.tasks.claim({ host: parts.host, now, leaseMs: 600_000, agent })
  if (claimed) await parts.store.tasks.start(claimed.fence, now)
  return claimed
}

/** Claims this queued task; others that are due before it stay with the host. */
export async function claimTask(parts: Parts, id: string): Promise<Claimed> {
  for (;;) {
    const claimed = await claimNext(parts)
    if (!claimed) throw new Error(`${id} cannot be claimed`)
    if (claimed.task.id === id) return claimed
  }
}

/** Whichever queued task is due next, as its agent has it; undefined when none is. */
export async function holdNext(parts: Parts) {
  const claimed = await claimNext(parts)
  if (!claimed) return undefined
  await settleIn(parts, claimed)
  const token = parts.agentTokens.issue(claimed.attempt)
  const calls = createAgentCalls(parts)
  return { ...claimed, call: (name: string, input: unknown = {}) => calls.call(token, name, input) }
}

/** Brings a held task to its end: accepted with what it commits. */
export async function acceptWith(
  parts: Parts,
  claimed: Claimed,
  files: Record<string, string>,
  proof: Partial<Proof> = {},
): Promise<string> {
  const { task, fence } = claimed
  await settleIn(parts, claimed)
  const head = await commitIn(parts, task, files)
  const now = parts.clock.now()
  const facts = {
    head,
    base: 'main',
    filesChanged: Object.keys(files),
    additions: 1,
    deletions: 0,
    commits: 1,
  }
  await parts.store.tasks.report(fence, now, { summary: `Did ${task.spec.title}` })
  await parts.store.tasks.verify(fence, now, { ...facts, checks: [], openedByOrch: false, ...proof })
  await parts.store.tasks.accept(fence, now)
  return head
}

/** Its only try fails. */
export async function buryTask(
  parts: Parts,
  { fence }: Claimed,
  message = 'it could not be done',
): Promise<void> {
  const reason = { code: 'gave-up', message }
  await parts.store.tasks.fail(fence, parts.clock.now(), { reason, retryAt: 0, final: true })
}
