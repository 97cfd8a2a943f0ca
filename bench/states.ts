import { mkdtempSync, rmSync, watch } from 'node:fs'
import { appendFile, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOrch, until } from '../test/support/orch.ts'
import { makeRepository } from '../test/support/repository.ts'
import { judgeStates, playStates, STATES_PATH } from '../test/support/states.ts'

/**
 * How soon Orch knows what an agent is at: from the line that the agent prints to the moment at which a listener of the
 * event stream has the task's new state. The reference is bare: from an appended line to fs.watch in one process.
 *
 *   node bench/states.ts [--json]
 */
process.env.ORCH_TEST_DIST = '1'
const SCRIPT = { agents: 5, changes: 200, apart: [110, 200, 400] } as const
const ENDS = 10
const WITHIN_MS = 100

const parent = mkdtempSync(join(tmpdir(), 'orch-bench-'))
const orch = await startOrch({ PATH: STATES_PATH, ORCH_TEST: '1' }, join(parent, 'o'))
const quantile = (values: number[], part: number) =>
  Math.round(
    values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0,
  )
const row = (name: string, values: number[]) => ({
  name,
  n: values.length,
  p50: quantile(values, 0.5),
  p99: quantile(values, 0.99),
  max: quantile(values, 1),
})

async function bare(): Promise<number[]> {
  const directory = join(parent, 'bare')
  await mkdir(directory)
  const latencies: number[] = []
  let printed = 0
  let seen = () => {}
  const watcher = watch(directory, () => {
    if (printed > 0) latencies.push(performance.now() - printed)
    printed = 0
    seen()
  })
  for (let count = 0; count < 200; count++) {
    const told = new Promise<void>((resolve) => {
      seen = resolve
    })
    printed = performance.now()
    await appendFile(join(directory, 'out'), 'line\n')
    await told
  }
  watcher.close()
  return latencies
}

/** From the agent's last word to the state that follows from it. */
async function ends(
  description: string,
  type: string,
  lasts: number,
  limits: object = {},
): Promise<number[]> {
  const latencies: number[] = []
  const { path } = await makeRepository({ directory: join(parent, `r-${type}-${lasts}`) })
  for (let count = 0; count < ENDS; count++) {
    const task = { description, driver: 'claude', tries: 1, limits }
    const run = await orch.submit(path, [task])
    const id = run.tasks[0]?.id ?? ''
    let printed = 0
    const abort = new AbortController()
    for await (const event of orch.client.events({ after: 0, task: id, signal: abort.signal })) {
      if (event.type === 'message') printed = Number(event.data?.text)
      if (event.type === 'turn.ended') printed = Number(event.data?.error)
      if (event.type !== type) continue
      latencies.push(Date.now() - printed - lasts)
      break
    }
    abort.abort()
    if (type === 'task.waiting') await orch.client.call('cancel', { params: { id } })
    await until('it is over', async () => ['dead', 'cancelled'].includes((await orch.task(id)).state))
  }
  return latencies
}

try {
  const judged = (await playStates(orch, SCRIPT)).map((played) => judgeStates(played, WITHIN_MS))
  const idle = 0.02
  const rows = [
    row('bare: append → fs.watch', await bare()),
    row(
      'working ⇄ waiting for permission',
      judged.flatMap(({ latencies }) => latencies),
    ),
    row('waiting for quota', await ends('[[quota]]', 'task.waiting', 0)),
    row('dead (SIGKILL)', await ends('[[dies]]', 'agent.exited', 0)),
    row(
      'hung (after its time)',
      await ends('[[hangs]]', 'agent.stopped', idle * 60_000, { idleMinutes: idle }),
    ),
  ]
  const changes = judged.reduce((sum, it) => sum + it.changes, 0)
  const errors = judged.flatMap((it) => it.errors)
  const result = { rows, changes, withinMs: WITHIN_MS, wrong: errors.length }
  if (process.argv.includes('--json')) console.log(JSON.stringify(result))
  else {
    console.table(rows)
    console.log(`${changes} changes, ${errors.length} not right within ${WITHIN_MS} ms`)
    for (const error of errors.slice(0, 10)) console.log(`  ${error}`)
  }
} finally {
  await orch.close()
  rmSync(parent, { recursive: true, force: true })
}
