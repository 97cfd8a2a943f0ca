import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, it, onTestFinished } from 'vitest'
import { spawnPiped } from '../../src/exec.ts'
import { openSqliteStore } from '../../src/store/sqlite/sqlite.ts'
import { lease, openBox, statesOf } from '../support/mail.ts'
import { temporaryDirectory } from '../support/temporary.ts'

type Line = [what: 'sent' | 'given' | 'read' | 'returned', id: string]

/** What a writer printed until it was killed, which is done when it has printed `most` lines. */
async function linesUntilKilled(file: string, name: string, most: number): Promise<Line[]> {
  const program = join(import.meta.dirname, '..', 'fixtures', 'mail-writer.ts')
  const child = spawnPiped([process.execPath, program, file, name], { env: {} })
  child.stderr?.pipe(process.stderr)
  onTestFinished(() => void child.kill('SIGKILL'))
  const printed: Line[] = []
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (printed.push(JSON.parse(line) as Line) === most) child.kill('SIGKILL')
  }
  return printed
}

const idsOf = (lines: readonly Line[], wanted: Line[0]) =>
  lines.flatMap(([what, id]) => (what === wanted ? [id] : []))

it('loses no message that was acknowledged to its sender, and gives none again that its reader acknowledged', async () => {
  const file = join(temporaryDirectory(), 'orch.db')
  const lines: Line[] = []
  for (let round = 0; round < 6; round++) {
    lines.push(...(await linesUntilKilled(file, `m${round}`, 400 + Math.floor(Math.random() * 800))))
    const store = await openSqliteStore({ file })
    expect(await store.upkeep.check()).toEqual([])
    const read = idsOf(lines, 'read')
    expect(new Set(await statesOf(store, read))).toEqual(new Set(['acknowledged']))
    const sent = new Set(await statesOf(store, idsOf(lines, 'sent')))
    expect([...sent].sort()).toEqual(['acknowledged', 'waiting'])
    await store.close()
  }
  expectNoneAfterRead(lines)
  expectOrder(lines)
  const left = await drain(file)
  expect(left.filter((id) => idsOf(lines, 'read').includes(id))).toEqual([])
  expect(idsOf(lines, 'read').length).toBeGreaterThan(500)
})

function expectNoneAfterRead(lines: readonly Line[]): void {
  const read = new Set<string>()
  for (const [what, id] of lines) {
    if (what === 'read') read.add(id)
    if (what === 'given') expect([id, read.has(id)]).toEqual([id, false])
  }
}

/** What is given later than another of its pair, and was not given before, was sent later. */
function expectOrder(lines: readonly Line[]): void {
  const newest = new Map<string, string>()
  const given = new Set<string>()
  for (const id of idsOf(lines, 'given')) {
    if (given.has(id)) continue
    given.add(id)
    const [, sender, box] = id.split('-')
    const pair = `${sender}-${box}`
    expect([id, id > (newest.get(pair) ?? '')]).toEqual([id, true])
    newest.set(pair, id)
  }
}

/** Ids of all that still waited. */
async function drain(file: string): Promise<string[]> {
  const store = await openSqliteStore({ file })
  const left: string[] = []
  for (const mailbox of ['bob', 'carol', 'dave']) {
    const reader = { mailbox, reader: 'last', now: 1e9 }
    await openBox(store, mailbox, { reader: 'last' })
    for (;;) {
      const page = (await lease(store, { ...reader, limit: 500 })).map((delivery) => delivery.message.id)
      if (page.length === 0) break
      left.push(...page)
      await store.mailboxes.acknowledge({ ...reader, ids: page })
    }
  }
  expect((await store.mailboxes.statistics()).states).toMatchObject({ waiting: 0, dead: 0 })
  expect(await store.upkeep.check()).toEqual([])
  await store.close()
  return left
}
