import { access, mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Paths } from '../../config/paths.ts'
import { type Attempt, type Task, workOf } from '../../task/task.ts'
import type { Parts } from '../parts.ts'

/** The result record of one agent: what it did, in a file that needs no Orch to be read. */
export function resultOf(task: Task, attempt: Attempt) {
  const { proof } = task
  const work = workOf(proof)
  const accepted = attempt.outcome === 'accepted'
  return {
    schemaVersion: 1,
    kind: 'result',
    task: task.id,
    run: task.runId,
    title: task.spec.title,
    repo: task.spec.repo,
    agent: attempt.agent,
    driver: task.spec.driver,
    profile: task.spec.profile,
    attempt: attempt.epoch,
    status: attempt.outcome ?? 'unfinished',
    summary: task.report?.summary ?? '',
    ...(attempt.reason && { reason: attempt.reason }),
    branch: task.spec.branch,
    base: task.spec.base,
    ...(accepted &&
      work && {
        pullRequest: work.pullRequest,
        head: work.head,
        filesChanged: work.filesChanged,
        commits: work.commits,
      }),
    ...(accepted && proof && !work && proof),
    ...(attempt.saved && { savedWork: attempt.saved }),
    usage: attempt.usage,
    startedAt: new Date(attempt.startedAt).toISOString(),
    ...(attempt.endedAt && {
      endedAt: new Date(attempt.endedAt).toISOString(),
      durationMs: attempt.endedAt - attempt.startedAt,
    }),
  }
}

export function resultFile(paths: Paths, task: Task, agent: string): string {
  return join(paths.results, task.runId, `${agent}.json`)
}

/** Writes the record of an attempt that ends now, whole or not at all: before the arrow, so that who sees the end finds the record. */
export async function writeResult(
  parts: Parts,
  task: Task,
  attempt: Attempt,
  end: Pick<Attempt, 'outcome' | 'reason'> & { endedAt: number },
): Promise<void> {
  const file = resultFile(parts.paths, task, attempt.agent)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  const record = resultOf(task, { ...attempt, ...end })
  await writeFile(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** Attempts that ended while nobody was there to write (cancelled, rescued) get their record when a daemon is back. */
export async function writeMissingResults(parts: Parts): Promise<void> {
  for (const task of await parts.store.tasks.list({ states: ['dead', 'cancelled', 'queued'], limit: 200 })) {
    const last = (await parts.store.tasks.attempts(task.id)).at(-1)
    if (!last?.outcome || !last.endedAt) continue
    const there = await access(resultFile(parts.paths, task, last.agent)).then(
      () => true,
      () => false,
    )
    if (!there) await writeResult(parts, task, last, { ...last, endedAt: last.endedAt })
  }
}
