import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Client } from '../../src/api/client.ts'
import { connect } from '../../src/api/connect.ts'
import type { NewTaskRequest, RunView, TaskDetail } from '../../src/api/contract.ts'
import { stopDaemon } from '../../src/cli/stop-daemon.ts'
import { systemClock } from '../../src/clock.ts'
import { type Paths, pathsIn } from '../../src/config/paths.ts'
import { type Env, exec } from '../../src/exec.ts'
import { nothingLeft } from './leftovers.ts'
import { storeSettings } from './store-choice.ts'
import { temporaryDirectory } from './temporary.ts'

/** A real daemon with a state directory, home and tmux server of its own. close() leaves nothing behind. */
export interface Orch {
  stateDir: string
  paths: Paths
  env: Env
  client: Client
  pid(): Promise<number>
  submit(repo: string, tasks: NewTaskRequest[], env?: Env): Promise<RunView>
  task(id: string): Promise<TaskDetail>
  /** Polls until every task of the run is final. */
  finished(runId: string, withinMs?: number): Promise<TaskDetail[]>
  /** kill -9 of the daemon, `meanwhile`, then a new one. Gives the ms until the API answered again. */
  crash(meanwhile?: () => Promise<unknown>): Promise<number>
  close(): Promise<void>
}

/** ORCH_TEST_DIST=1 takes the compiled program, as people have it; benches do. */
const daemonProgram = () =>
  fileURLToPath(
    new URL(
      process.env.ORCH_TEST_DIST ? '../../dist/daemon/main.js' : '../../src/daemon/main.ts',
      import.meta.url,
    ),
  )

/** Path of a fixture agent. */
export const agent = (name: string): string =>
  fileURLToPath(new URL(`../fixtures/agents/${name}.sh`, import.meta.url))

/** Calls `probe` until it gives something, or fails with `what` after the time. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 60_000,
): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    const found = await probe()
    if (found !== undefined && found !== false) return found
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

export async function startOrch(
  settings: Record<string, string> = {},
  parent = temporaryDirectory('orch-e2e'),
): Promise<Orch> {
  const stateDir = join(parent, 's')
  const paths = pathsIn(stateDir)
  const env: Env = {
    PATH: process.env.PATH ?? '',
    HOME: join(parent, 'home'),
    LANG: 'C.UTF-8',
    // compiled once for all daemons of all tests
    NODE_COMPILE_CACHE: fileURLToPath(new URL('../../node_modules/.cache/daemons', import.meta.url)),
    ORCH_STATE_DIR: stateDir,
    ORCH_BACKOFF_SECONDS: '0.2',
    ORCH_GRACE_SECONDS: '1',
    GIT_AUTHOR_NAME: 'Tester',
    GIT_AUTHOR_EMAIL: 'tester@example.org',
    GIT_COMMITTER_NAME: 'Tester',
    GIT_COMMITTER_EMAIL: 'tester@example.org',
    ...storeSettings(stateDir),
    ...settings,
  }
  const start = () => connect({ paths, environment: { env }, autostart: true, program: daemonProgram() })
  let client = await start()
  const pid = async () => (await client.call('health', {})).pid
  const task = (id: string) => client.call('task', { params: { id } })

  return {
    stateDir,
    paths,
    env,
    get client() {
      return client
    },
    pid,
    submit: (repo, tasks, given = {}) =>
      client.call('submit', { body: { requestId: crypto.randomUUID(), repo, tasks, env: { ...given } } }),
    task,
    finished: (runId, withinMs = 120_000) =>
      until(
        `run ${runId} finished`,
        async () => {
          const { tasks } = await client.call('run', { params: { id: runId } })
          if (!tasks.every((it) => ['accepted', 'dead', 'cancelled'].includes(it.state))) return undefined
          return await Promise.all(tasks.map((it) => task(it.id)))
        },
        withinMs,
      ),
    async crash(meanwhile) {
      process.kill(await pid(), 'SIGKILL')
      await meanwhile?.()
      const began = performance.now()
      client.close()
      client = await start()
      return performance.now() - began
    },
    async close() {
      await stopDaemon(client, systemClock, true).catch(() => {})
      client.close()
      await exec(['tmux', '-S', paths.tmuxSocket, 'kill-server'], { env }).catch(() => {})
      try {
        await nothingLeft(parent)
      } finally {
        await rm(parent, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
      }
    },
  }
}

/** A further host of the same cluster, with a state directory of its own. The first one's `close` does not end it. */
export const joinOrch = (
  { env }: Pick<Orch, 'env'>,
  name: string,
  settings: Record<string, string> = {},
): Promise<Orch> => {
  const { ORCH_REDIS = '', ORCH_CLUSTER = '' } = env
  return startOrch({ ORCH_REDIS, ORCH_CLUSTER, ORCH_HOST_NAME: name, ...settings })
}
