import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { spawnPiped } from '../../src/exec.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { temporaryDirectory } from '../support/temporary.ts'

function start(fixture: string, ...args: string[]): ChildProcess {
  const program = join(import.meta.dirname, '..', 'fixtures', fixture)
  const child = spawnPiped([process.execPath, program, ...args], { env: {} })
  child.stderr?.pipe(process.stderr)
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** Reads what a child prints until it was killed, which is done when it has printed `lines`. */
async function linesUntilKilled(child: ChildProcess, lines: number): Promise<string[]> {
  const printed: string[] = []
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (printed.push(line) === lines) child.kill('SIGKILL')
  }
  return printed
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [line] = await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')
  return line as string
}

it('loses no write that was acknowledged, however often the writer is killed', async () => {
  const file = join(temporaryDirectory(), 'orch.db')
  const acknowledged = new Set<string>()
  for (let round = 0; round < 6; round++) {
    const writer = start('store-writer.ts', file, `${round}`)
    const lines = await linesUntilKilled(writer, 500 + Math.floor(Math.random() * 1_500))
    for (const line of lines) acknowledged.add(line)

    const store = await openSqliteStore({ file }) // at once: the kernel gave the lock back
    const written = new Set<string>()
    for (let after = 0; ; ) {
      const events = await store.journal.read({ after, limit: 10_000 })
      for (const { taskId, epoch, type } of events) written.add(JSON.stringify([taskId, epoch, type]))
      if (events.length === 0) break
      after = events.at(-1)?.seq ?? 0
    }
    expect([...acknowledged].filter((fact) => !written.has(fact))).toEqual([])
    expect(await store.upkeep.check()).toEqual([])
    await drain(store)
    await store.close()
  }
  expect(acknowledged.size).toBeGreaterThan(3_000)
})

/** Ends what the killed writer left, so that the next one claims only its own. */
async function drain(store: Awaited<ReturnType<typeof openSqliteStore>>): Promise<void> {
  const left = await store.tasks.list({ states: ['queued', 'leased', 'working', 'reported', 'verified'] })
  const reason = { code: 'cancelled', message: 'left by a killed writer' }
  await Promise.all(left.map(({ id }) => store.tasks.cancel(id, 9, reason)))
}

it('lets exactly one in when several open a new store in the same instant', async () => {
  const file = join(temporaryDirectory(), 'orch.db')
  const holders = Array.from({ length: 6 }, () => start('store-holder.ts', file))
  const said = await Promise.all(holders.map(firstLine))
  expect(said.sort()).toEqual([...Array.from({ length: 5 }, () => 'E_STORE_LOCKED'), 'open'])
})

it('gives the lock back when its holder is killed, and when it ends by itself', async () => {
  const file = join(temporaryDirectory(), 'orch.db')
  for (const signal of ['SIGKILL', undefined] as const) {
    const holder = start('store-holder.ts', file)
    expect(await firstLine(holder)).toBe('open')
    await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: 'E_STORE_LOCKED' })
    const ended = once(holder, 'exit')
    if (signal) holder.kill(signal)
    else holder.stdin?.end()
    await ended
    await (await openSqliteStore({ file })).close()
  }
})
