import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Paths } from '../../config/paths.ts'
import type { Env } from '../../exec.ts'
import type { RunId } from '../../id.ts'
import type { TaskStore } from '../../store/store.ts'

/**
 * The variables of the caller's shell that the agents of a run get. They may hold secrets: they live in a file of their
 * own (0600 in a 0700 directory) as long as the run has work, and never in the store, the journal or a log.
 */
const fileOf = (paths: Paths, runId: RunId) => join(paths.runs, runId, 'env.json')

export async function keepRunEnv(paths: Paths, runId: RunId, env: Env): Promise<void> {
  const file = fileOf(paths, runId)
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  await writeFile(`${file}.new`, JSON.stringify(env), { mode: 0o600 })
  await rename(`${file}.new`, file)
}

/** Empty when there is none. */
export async function readRunEnv(paths: Paths, runId: RunId): Promise<Record<string, string>> {
  const text = await readFile(fileOf(paths, runId), 'utf8').catch(() => '{}')
  return JSON.parse(text)
}

/** Forgets those of runs that were never queued: the daemon was killed in between. */
export async function dropUnknownEnvs(paths: Paths, tasks: Pick<TaskStore, 'run'>): Promise<void> {
  for (const name of await readdir(paths.runs).catch(() => []))
    if (!(await tasks.run(name as RunId))) await dropRunEnv(paths, name as RunId)
}

export async function dropRunEnv(paths: Paths, runId: RunId): Promise<void> {
  await rm(dirname(fileOf(paths, runId)), { recursive: true, force: true })
}
