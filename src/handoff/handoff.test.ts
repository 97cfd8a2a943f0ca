import { expect, test } from 'vitest'
import { checkHandoff, filesOf, type RepositoryFacts } from './check.ts'
import { judgeHandedOver, type Receiver } from './handed-over.ts'
import { handoffSchema } from './handoff.ts'
import { type Given, type Known, mergeHandoff } from './merge.ts'

const head = 'a'.repeat(40)
const other = 'b'.repeat(40)

const known = (more: Partial<Known> = {}): Known => ({
  task: { id: 't-000000000001', title: 'Audit', description: 'Look' },
  branch: 'orch/audit',
  commit: head,
  commits: [],
  filesRead: [],
  filesModified: [],
  decisions: [],
  warnings: [],
  discoveries: [],
  optimisations: [],
  ...more,
})
const given = (more: Partial<Given> = {}): Given => ({
  goal: 'Mend it',
  transfers: true,
  urgency: 'normal',
  ...more,
})

test("the agent's own words come first, and what Orch knows is added without doubles", () => {
  const merged = mergeHandoff(
    given({ decisions: ['Use  Zod'], filesModified: ['b.ts'], commits: [{ id: other, subject: 'Two' }] }),
    known({
      decisions: ['use zod', 'keep the API', 'keep the API', ' '],
      filesModified: ['a.ts', 'b.ts', '../x', '/etc/passwd'],
      commits: [
        { id: head, subject: 'One' },
        { id: other, subject: 'Two' },
      ],
    }),
  )
  expect(merged.context).toMatchObject({
    decisions: ['Use  Zod', 'keep the API'],
    filesModified: ['b.ts', 'a.ts'],
    commits: [
      { id: other, subject: 'Two' },
      { id: head, subject: 'One' },
    ],
    commit: head,
    branch: 'orch/audit',
  })
  expect(handoffSchema.parse(merged)).toEqual(merged)
})

test('however much Orch knows, the package keeps to its schema and to a size that leaves room for the agent', () => {
  const lines = Array.from({ length: 1_000 }, (_, n) => `${n} ${'x'.repeat(5_000)}`)
  const files = Array.from({ length: 5_000 }, (_, n) => `src/${n}-${'f'.repeat(100)}.ts`)
  const commits = Array.from({ length: 500 }, (_, n) => ({
    id: n.toString(16).padStart(40, '0'),
    subject: 's'.repeat(2_000),
  }))
  const merged = mergeHandoff(
    given(),
    known({
      decisions: lines,
      warnings: lines,
      discoveries: lines,
      optimisations: lines,
      filesRead: files,
      filesModified: files,
      commits,
      task: { id: 't-1', title: 't'.repeat(900), description: 'd'.repeat(200_000) },
    }),
  )
  expect(handoffSchema.parse(merged)).toEqual(merged)
  expect(Buffer.byteLength(JSON.stringify(merged))).toBeLessThan(200 * 1024)
  expect(merged.context.decisions.at(-1)).toMatch(/^999 /)
})

const facts = (more: Partial<RepositoryFacts> = {}): RepositoryFacts => ({
  branch: 'orch/audit',
  head,
  known: new Set(['a.ts']),
  onBranch: new Set([head]),
  ...more,
})

test('a package that the repository confirms has no faults; each fault is named', () => {
  const good = mergeHandoff(given({ filesRead: ['a.ts'], commits: [{ id: head, subject: '' }] }), known())
  expect(checkHandoff(good, facts())).toEqual([])
  expect(filesOf(good)).toEqual(['a.ts'])
  const bad = mergeHandoff(
    given({ branch: 'main', filesRead: ['gone.ts'], commits: [{ id: other, subject: '' }] }),
    known({ commit: other }),
  )
  expect(checkHandoff(bad, facts())).toEqual([
    'branch: main is not yours (orch/audit)',
    `commit: orch/audit is at ${head.slice(0, 10)}, not at ${other.slice(0, 10)}`,
    `commits: ${other.slice(0, 10)} is not on orch/audit`,
    `filesRead: "gone.ts" is not in ${other.slice(0, 10)}, nor was it before`,
  ])
})

test.each(['/etc/passwd', '../x', 'a/../../x', '~/x', 'a\\..\\x', '', 'a\0b', 'a\nb'])(
  'a file called %j is refused by the schema',
  (path) => {
    const merged = mergeHandoff(given({ filesModified: [path] }), known())
    expect(handoffSchema.safeParse(merged).success).toBe(false)
  },
)

const receiver = (more: Partial<Receiver> = {}): Receiver => ({
  id: 't-000000000002',
  state: 'queued',
  hasHead: true,
  hasPart: true,
  ...more,
})

test.each<[string, Receiver[], number]>([
  ['nobody', [], 0],
  ['one that has all of it', [receiver()], 1],
  ['one that is done', [receiver({ state: 'accepted' })], 1],
  ['two at once', [receiver(), receiver({ id: 't-000000000003' })], 2],
  ['one after the other', [receiver({ hasHead: false }), receiver({ id: 't-000000000003' })], 2],
  ['one that is dead', [receiver(), receiver({ state: 'dead' })], 0],
  ['one that was cancelled', [receiver({ state: 'cancelled' })], 0],
  ['commits that came after the handoff', [receiver({ hasHead: false })], 0],
  ['a history that was written anew', [receiver(), receiver({ hasHead: false, hasPart: false })], 0],
])('handed over to %s', (_, receivers, many) => {
  expect(judgeHandedOver(receivers)).toHaveLength(many)
})
